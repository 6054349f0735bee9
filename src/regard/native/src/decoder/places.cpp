#include "places.h"

#include <algorithm>
#include <cmath>

namespace regard::decoder {

Places::Places(const Positions& positions, const Model& model, bool causal)
    : positions_(positions), d_model_(model.d_model), heads_(model.heads), features_(head_size(model)), causal_(causal) {}

void Places::reach(int64_t length) {
    if (length <= length_) return;
    const int64_t before = length_;
    length_ = std::max<int64_t>(64, 2 * length);
    const int64_t kind = positions_.kind;
    if (kind == SINUSOIDAL) {
        by_place_.resize(length_ * d_model_);
        for (int64_t place = before; place < length_; ++place)
            for (int64_t i = 0; i < d_model_; ++i) {
                const float rate = std::exp(static_cast<float>(i / 2 * 2) * static_cast<float>(-std::log(10000.0) / d_model_));
                const float angle = static_cast<float>(place) * rate;
                by_place_[place * d_model_ + i] = i % 2 ? std::cos(angle) : std::sin(angle);
            }
    } else if (kind == T2T_SINUSOIDAL) {
        by_place_.resize(length_ * d_model_);
        const auto step = static_cast<float>(-std::log(10000.0) / (d_model_ / 2 - 1));
        for (int64_t place = before; place < length_; ++place)
            for (int64_t i = 0; i < d_model_; ++i) {
                const float angle = static_cast<float>(positions_.entries + place) * std::exp(static_cast<float>(i / 2) * step);
                by_place_[place * d_model_ + i] = i % 2 ? std::cos(angle) : std::sin(angle);
            }
    } else if (kind == ROTARY) {
        by_place_.resize(length_ * features_);
        for (int64_t place = before; place < length_; ++place)
            for (int64_t i = 0; i < features_; i += 2) {
                const float power = -static_cast<float>(i / 2) / static_cast<float>(features_ / 2);
                const float angle = static_cast<float>(place) * std::pow(positions_.base, power);
                by_place_[place * features_ + i] = std::cos(angle);
                by_place_[place * features_ + i + 1] = std::sin(angle);
            }
    } else if (kind == T5 || kind == ALIBI) {
        by_distance_.resize(heads_ * bias_head());
        for (int64_t head = 0; head < heads_; ++head)
            for (int64_t distance = -length_; distance <= length_; ++distance)
                by_distance_[head * bias_head() + length_ + distance] = bias_of(head, distance);
    }
}

const float* Places::added(int64_t place) const {
    if (positions_.kind == SINUSOIDAL || positions_.kind == T2T_SINUSOIDAL) return by_place_.data() + place * d_model_;
    if (positions_.kind == LEARNED) return positions_.table + std::min(place, positions_.entries - 1) * d_model_;
    return nullptr;
}

const float* Places::turns(int64_t place) const {
    return positions_.kind == ROTARY ? by_place_.data() + place * features_ : nullptr;
}

const float* Places::bias() const {
    return positions_.kind == T5 || positions_.kind == ALIBI ? by_distance_.data() + length_ : nullptr;
}

float Places::bias_of(int64_t head, int64_t distance) const {
    if (positions_.kind == ALIBI) {
        const float slope = std::pow(2.0f, -8.0f * static_cast<float>(head + 1) / static_cast<float>(heads_));
        return -slope * static_cast<float>(std::abs(distance));
    }
    int64_t buckets = positions_.entries, ahead = 0;
    if (!causal_) {
        buckets /= 2;
        ahead = distance > 0 ? buckets : 0;
        distance = -std::abs(distance);
    }
    const int64_t near = buckets / 2, back = std::max<int64_t>(-distance, 0);
    int64_t bucket = back;
    if (back >= near) {
        const double span = std::log(static_cast<double>(positions_.distance) / static_cast<double>(near));
        const float ratio = std::log(static_cast<float>(back) / static_cast<float>(near)) / static_cast<float>(span);
        const auto further = static_cast<int64_t>(ratio * static_cast<float>(buckets - near));
        bucket = std::min(near + further, buckets - 1);
    }
    return positions_.table[head * positions_.entries + ahead + bucket];
}

}  // namespace regard::decoder

"""What each word would lose without another one: every word is left blank in turn, source and written words alike.

This measures an effect and is what other methods are compared with; but a model may never have read a text with a
blank in it, and of two words that say the same neither is missed.

Axes    B rows, one for each word · T target positions
Source  Li et al. 2016, by whole words
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from regard.inference.engine import Tokens
from regard.inspection.attribution import Attribution, PairWords
from regard.inspection.blanking import blanked
from regard.inspection.subject import LOOK_TOKENS, Subject, log_probs


@torch.inference_mode()
def occlusion(subject: Subject, source: Tokens, target: Tokens, *, words: bool = True) -> Attribution:
    """Return how many nats each output word loses if a source word, or a word written before, is left blank.

    Below 0, the model finds the output likelier without it.
    """
    pair = PairWords.of(subject, source, target, words=words)
    batch = subject.batch([(source, target)])
    whole_T = log_probs(subject.model(batch), batch)[0]
    of_source, of_prefix = (
        torch.from_numpy(words.shares.T > 0).to(subject.device) for words in (pair.source, pair.prefix)
    )
    blanks_S = torch.cat((of_source, of_source.new_zeros(len(of_prefix), of_source.size(1))))
    blanks_T = torch.cat((of_prefix.new_zeros(len(of_source), of_prefix.size(1)), of_prefix))
    size = max(1, LOOK_TOKENS // max(blanks_S.size(1), blanks_T.size(1)))
    lost = [
        whole_T - _without(subject, source, target, some_S, some_T)
        for some_S, some_T in zip(blanks_S.split(size), blanks_T.split(size), strict=True)
    ]
    lost_TB: Float[np.ndarray, "T B"] = torch.cat(lost).T.double().cpu().numpy()
    return pair.added_up("occlusion", lost_TB[:, : len(of_source)], lost_TB[:, len(of_source) :])


def _without(
    subject: Subject, source: Tokens, target: Tokens, blank_S: Bool[Tensor, "B S"], blank_T: Bool[Tensor, "B T"]
) -> Float[Tensor, "B T"]:
    batch = subject.batch([(source, target)]).repeated(len(blank_S))
    with blanked(subject.model, batch, blank_S, blank_T) as gapped:
        return log_probs(subject.model(gapped), batch)

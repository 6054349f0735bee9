"""The word alignment of a finished translation, however it was found."""

from regard.inference.translation import Translation
from regard.inference.translator import Translator
from regard.inspection.alignment import Reading, align
from regard.inspection.attribution import PairWords
from regard.inspection.subject import Subject
from regard.inspection.trace import source_tokens, trace_subject
from regard.metrics.alignments import pharaoh


def alignment_of(translator: Translator, translation: Translation, reading: Reading) -> str:
    """Return the links of a translation in Pharaoh's form; none where it was not translated in one piece.

    Words are counted as `text.words` has them, in the texts that the model read and wrote.
    """
    if translation.status not in ("ok", "cut", "unfinished") or not translation.tokens:
        return ""
    subject = Subject.behind(translator)
    pair = source_tokens(translator, translation.source.removesuffix("\n").removesuffix("\r")), translation.tokens
    trace = trace_subject(subject, *pair, reading.measure)
    return pharaoh(align(trace, PairWords.of(subject, *pair), reading.step, reading.head))

"""Sentences measured as one body of literature did, beside real ones measured the same way."""

from collections.abc import Sequence

from seqgen.metrics.bleu_family.presets import Preset, find_preset
from seqgen.metrics.bleu_family.protocol import Measured, Protocol, measure, scores
from seqgen.metrics.real import REAL, chosen, drawn
from seqgen.metrics.remarks import on_copies
from seqgen.metrics.score import Score
from seqgen.metrics.table import Row, Table
from seqgen.metrics.tokens import Sentence, Tokenized, common_tokenizer, tokenize

TOLERANCE = 0.01
"""By which share a number of sentences may differ from the published one without a note."""


def evaluate_preset(
    name: str,
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    training: Sequence[Sentence] | None = None,
    *,
    old_bugs: bool = False,
    seed: int = 0,
    row: str = "hypotheses",
) -> Table:
    """Return what the literature of that name would have measured, real sentences beside it, and
    notes on how.

    The real ones are drawn from the training text where there is one, else from the references and
    then measured against the rest of these; row by row there is no such row. Blank lines are
    dropped, but not from rows that belong together. Lists of tokens are taken as they are, whatever
    tokenizer the preset names.

    Args:
        name: one of PRESETS.
        predictions: generated sentences.
        references: real sentences, shared by all predictions; for ``style-transformer`` one a row.
        training: what the generator learned from.
        old_bugs: repeat the known bugs of the original that change a figure.
        seed: of the real sentences.
        row: the name of the row of the predictions.

    Raises:
        ValueError: an unknown name, too few sentences, or rows that do not pair up.
    """
    preset = find_preset(name)
    protocol = (preset.with_bugs if old_bugs else None) or preset.protocol
    asked, known = (
        tokenize(given, protocol.tokenizer, protocol.lowercase, at_least=1)
        for given in (predictions, references)
    )
    notes = preset_notes(preset, old_bugs)
    if protocol.aligned:
        found, own = _row(row, preset, protocol, asked, known, old_bugs)
        return Table([own], [*notes, *sizes_differ(preset, found)])
    given = len(predictions) + len(references)
    asked, known = _spoken(asked), _spoken(known)
    found, own = _row(row, preset, protocol, asked, known, old_bugs)
    learned = None
    if training is not None:
        learned = tokenize(training, protocol.tokenizer, protocol.lowercase, at_least=1)
        learned = _spoken(learned)
    notes += sizes_differ(preset, found)
    notes += _blank(given - len(asked.sentences) - len(known.sentences))
    real, rest, about = _real(len(asked.sentences), known, learned, seed)
    rows = [own]
    try:
        _, beside = _row(REAL, preset, protocol, real, rest, old_bugs)
        rows.append(Row(REAL, beside.scores, "real"))
    except ValueError as problem:
        about = f"no row of real data: {problem}"
    text = None if learned is None else learned.sentences
    return Table(rows, [*notes, about, *on_copies(asked.sentences, known.sentences, text)])


def preset_notes(preset: Preset, old_bugs: bool) -> list[str]:
    """Return what the preset measures, and what is known of the original."""
    notes = [f"Measured as {preset.source}: {preset.sizes}."]
    if preset.bugs:
        how = "repeated here" if old_bugs and preset.with_bugs else "not repeated here"
        notes.append(f"Known of the original ({how}): {' '.join(preset.bugs)}")
    if old_bugs and preset.with_bugs is None:
        notes.append("No bug of this protocol changes a figure: nothing was repeated.")
    return notes


def sizes_differ(preset: Preset, found: Sequence[Measured]) -> list[str]:
    """Return a note on the numbers of sentences that are not those of the published figures."""
    pairs = [
        (f"{measured.name} of {wanted:,} {what}, here of {given:,}")
        for measured in found
        if measured.name in preset.published
        for what, wanted, given in zip(
            ("hypotheses", "references"),
            preset.published[measured.name],
            (measured.hypotheses, measured.references),
            strict=True,
        )
        if wanted is not None and abs(given - wanted) > TOLERANCE * wanted
    ]
    if not pairs:
        return []
    return [f"Not comparable with published figures: the protocol wants {'; '.join(pairs)}."]


def preset_settings(preset: Preset, old_bugs: bool) -> dict[str, str | int]:
    """Return what stands first in signatures of the preset's scores."""
    repeated = old_bugs and preset.with_bugs is not None
    return {"preset": preset.name, "old-bugs": "yes" if repeated else "no"}


def _row(
    name: str,
    preset: Preset,
    protocol: Protocol,
    asked: Tokenized,
    known: Tokenized,
    old_bugs: bool,
) -> tuple[list[Measured], Row]:
    found = measure(protocol, asked, known)
    first, tokenizer = preset_settings(preset, old_bugs), common_tokenizer(asked, known)
    made: list[Score] = []
    for measured in found:
        made += scores(protocol, measured, tokenizer, first)
    return found, Row(name, made)


def _real(
    rows: int, known: Tokenized, learned: Tokenized | None, seed: int
) -> tuple[Tokenized, Tokenized, str]:
    """Return real sentences, as many as ``rows`` where there are enough; what they are measured
    against; both in words."""
    if learned is not None:
        real = chosen(learned.sentences, rows, seed)
        about = f"real data: {len(real)} sentences of the training text, drawn with seed {seed}"
        if len(real) < rows:
            about += f", fewer than the {rows} hypotheses: not quite comparable"
        return learned._replace(sentences=real), known, about
    sentences = known.sentences
    count = min(rows, len(sentences) // 2)
    taken = set(drawn(len(sentences), count, seed).tolist())
    real = chosen(sentences, count, seed)
    rest = [sentence for place, sentence in enumerate(sentences) if place not in taken]
    about = (
        f"real data: {len(real)} of the references, drawn with seed {seed}, against the"
        f" {len(rest)} others, fewer than the hypotheses met; a training text (--train) would give"
        " a row against all of them"
    )
    return known._replace(sentences=real), known._replace(sentences=rest), about


def _spoken(given: Tokenized) -> Tokenized:
    return given._replace(sentences=[sentence for sentence in given.sentences if sentence])


def _blank(count: int) -> list[str]:
    return [f"{count} blank lines were dropped."] if count else []

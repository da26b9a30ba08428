"""Published scores next to a ranking, where its protocol allows the comparison."""

from collections.abc import Mapping

from ganexp.comparison.ranking import Ranking
from ganexp.metrics.published import matching_published


def publications(ranking: Ranking) -> list[str]:
    """Return a line per comparable published score, and one line for those that are not comparable."""
    reference = ranking.protocol.get("reference")
    if not isinstance(reference, Mapping) or "data" not in reference or "metric" not in ranking.protocol:
        return []
    published = matching_published(ranking.protocol)
    lines = [
        f"published: {entry['model']} {entry['value']:g} ({entry['source']}); the protocols agree as far as stated"
        for entry, reasons in published
        if not reasons
    ]
    others = [f"{entry['model']} {entry['value']:g}: {'; '.join(reasons)}" for entry, reasons in published if reasons]
    return lines + ([f"published, but not comparable: {' | '.join(others)}"] if others else [])

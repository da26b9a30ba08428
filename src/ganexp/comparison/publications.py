"""Published scores beside a ranking, where its protocol allows it."""

from collections.abc import Mapping

from ganexp.comparison.ranking import Ranking
from ganexp.metrics.published import beside


def publications(ranking: Ranking) -> list[str]:
    """Return a line for each published score that may be compared, and one for those that may not."""
    reference = ranking.protocol.get("reference")
    if not isinstance(reference, Mapping) or "data" not in reference or "metric" not in ranking.protocol:
        return []
    judged = beside(ranking.protocol)
    lines = [
        f"published: {entry['model']} {entry['value']:g} ({entry['source']}); the protocols agree in all that it states"
        for entry, reasons in judged
        if not reasons
    ]
    others = [f"{entry['model']} {entry['value']:g}: {'; '.join(reasons)}" for entry, reasons in judged if reasons]
    return lines + ([f"published, but not comparable: {' | '.join(others)}"] if others else [])

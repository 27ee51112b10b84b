"""What LiteRT alone makes of a model's vectors on this host, with no board in between."""

from __future__ import annotations

from dataclasses import dataclass

from hil.checks.agreement import NO_METRIC
from hil.checks.metrics import evaluate
from hil.errors import HilError
from hil.measure import References
from hil.model.info import ModelInfo
from hil.record import HostScore
from hil.reference.reference import ReferenceName
from hil.suite import Metric
from hil.suite_data import SuiteData


@dataclass(frozen=True)
class HostScorer:
    """Scores a model with LiteRT's default kernels."""

    references: References
    data: SuiteData
    model: ModelInfo
    metric: Metric | None

    def score(self, function: str) -> HostScore:
        """The metric on the vectors of a function of the suite's data module.

        What goes wrong stands in the score as its reason.
        """
        label = source = count = value = None
        reason = "" if self.metric is not None else NO_METRIC
        try:
            vectors = self.data.vectors(self.model, function)
            source, count = vectors.source, vectors.count
            if self.metric is not None:
                result = self.references.run(ReferenceName.LITERT, self.model, vectors.inputs)
                label = result.label
                score = evaluate(self.metric, self.model, result.outputs, vectors, self.data)
                value = score.value
        except HilError as error:
            reason = error.message
        except OSError as error:  # no room for the files that the interpreter is given
            reason = str(error)
        return HostScore(
            label=label,
            source=source,
            vectors=count,
            metric=self.metric.name if self.metric is not None else None,
            value=value,
            reason=reason,
        )

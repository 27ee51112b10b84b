"""What LiteRT alone makes of a model's vectors on this host, with no board in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hil.checks.agreement import NO_METRIC
from hil.checks.metrics import evaluate
from hil.data import Vectors
from hil.errors import HilError
from hil.model.info import ModelInfo
from hil.record import HostOnly, HostScore
from hil.reference.reference import ReferenceName
from hil.reference.references import References
from hil.state import starts_of
from hil.suite import Metric
from hil.suite_data import SuiteData

Load = Callable[[], Vectors]


@dataclass(frozen=True)
class HostScorer:
    """Scores a model with LiteRT's default kernels. `data` is for metrics of a suite's own."""

    references: References
    model: ModelInfo
    metric: Metric | None
    data: SuiteData | None = None

    def host_only(self, same_vectors: Load | None, larger_set: Load | None = None) -> HostOnly:
        """What is known of the model without a board, with the scores of the sets given."""
        return HostOnly(
            model_sha256=self.model.sha256,
            scheme=self.model.scheme,
            macs=self.model.macs,
            same_vectors=self.score(same_vectors) if same_vectors is not None else None,
            larger_set=self.score(larger_set) if larger_set is not None else None,
        )

    def score(self, load: Load) -> HostScore:
        """The metric on the vectors that `load` gives.

        What goes wrong stands in the score as its reason.
        """
        label = source = count = value = None
        reason = "" if self.metric is not None else NO_METRIC
        try:
            vectors = load()
            source, count = vectors.source, vectors.count
            if self.metric is not None:
                result = self.references.run(
                    ReferenceName.LITERT,
                    self.model,
                    vectors.inputs,
                    starts_of(self.model, vectors),
                )
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

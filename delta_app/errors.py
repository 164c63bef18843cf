"""Every error that Delta App raises on purpose.

DeltaAppError                 something a person can put right; has a cure
|-- SettingsError             a setting is missing, unknown or out of range
|-- DatasetError              a folder of pictures cannot be used
|-- WeightsError              a weights file cannot be read or does not fit
|-- BackboneError             unknown backbone, or one without what was asked of it
|-- AttentionError            an attention file cannot be used with this run
|-- TrainingError             training cannot go on (a loss that is not finite, no memory)
|-- CheckpointError           a run cannot go on from where it was kept
|-- OutsideError              a path leads out of the folders that the app may read
|-- RunError                  a run that does not exist or is not in the needed state
|-- StoreError                the run store or a run folder cannot be read or written
`-- ExportError               a bundle cannot be written
Cancelled                     the person asked to stop; not an error, never shown as one
"""

from __future__ import annotations


class DeltaAppError(Exception):
    """Something a person can put right.

    Args:
        message: what happened and where, with the offending value.
        cure: what to do about it, as a sentence; empty where there is nothing to do.
        field: the setting that the message belongs beside, where there is one.
    """

    def __init__(self, message: str, *, cure: str = "", field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure
        self.field = field

    def __str__(self) -> str:
        return f"{self.message} {self.cure}".strip()


class SettingsError(DeltaAppError):
    """A setting is missing, unknown or out of range."""


class DatasetError(DeltaAppError):
    """A folder of pictures cannot be used."""


class WeightsError(DeltaAppError):
    """A weights file cannot be read or does not fit the backbone."""


class BackboneError(DeltaAppError):
    """An unknown backbone, or one that lacks what was asked of it."""


class AttentionError(DeltaAppError):
    """An attention file cannot be used with this run."""


class TrainingError(DeltaAppError):
    """Training cannot go on."""


class CheckpointError(DeltaAppError):
    """A run cannot go on from where it was kept."""


class OutsideError(DeltaAppError):
    """A path leads out of the folders that the app may read."""


class RunError(DeltaAppError):
    """A run does not exist or is not in the state the request needs."""


class StoreError(DeltaAppError):
    """The run store or a run folder cannot be read or written."""


class ExportError(DeltaAppError):
    """A bundle cannot be written."""


class Cancelled(Exception):
    """The person asked to stop."""

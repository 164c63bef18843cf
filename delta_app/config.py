"""The settings that every run has, one model a group.

Groups that belong to a method live beside the method (`delta_app.regularizers`), and
`delta_app.training.run_config.RunConfig` puts all groups together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from delta_app.settings import Settings, setting


class DataSettings(Settings):
    """Which pictures, and how they are split."""

    data: str = setting(
        label="Folder of pictures",
        help="A folder with one folder of pictures a class, or with train, val and test folders "
        "that hold one folder a class each.",
    )
    val_fraction: float = setting(
        0.2,
        label="Validation share",
        help="Share of each class's training pictures that chooses the epoch. Used only where the "
        "folder has no validation split of its own. 0 keeps the last epoch.",
        ge=0.0,
        le=0.8,
    )
    test_fraction: float = setting(
        0.2,
        label="Test share",
        help="Share of each class's pictures kept for the one final test. Used only where the "
        "folder has no test split of its own. 0 tests nothing.",
        ge=0.0,
        le=0.8,
    )
    per_class: int | None = setting(
        None,
        label="Pictures per class at most",
        help="Caps the training pictures of each class (a seeded choice), to see what few "
        "pictures do. Empty uses all.",
        ge=1,
    )
    split_seed: int = setting(
        0,
        label="Split seed",
        help="Which pictures land in which split, and which are kept under the cap. "
        "Apart from the run's seed, so that runs with other seeds see the same pictures.",
        ge=0,
        advanced=True,
    )


class ModelSettings(Settings):
    """Which pretrained network, and where its feature maps are held."""

    backbone: str = setting(
        label="Backbone",
        help="A torchvision classification network, by torchvision's name.",
    )
    weights: str = setting(
        "default",
        label="Starting weights",
        help="default (torchvision's best), random, or the path of a weights file of your own "
        "(.pth, .pt or .safetensors).",
    )
    image_size: int | None = setting(
        None,
        label="Picture size",
        help="Side of the square the network sees. Empty takes the size the weights were "
        "trained for.",
        unit="px",
        ge=32,
        le=1024,
    )
    behaviour_layers: tuple[str, ...] | None = setting(
        None,
        label="Behaviour layers",
        help="Layers whose feature maps are compared with the source network's. Empty takes the "
        "authors' layers, or the last projection at each resolution.",
        advanced=True,
    )


class OptimizationSettings(Settings):
    """How the target network is trained."""

    epochs: int = setting(
        30, label="Epochs", help="Passes over the training pictures.", ge=1, le=10000
    )
    batch_size: int = setting(
        64,
        label="Batch size",
        help="Pictures a step. The feature-map terms are summed over the batch, so alpha's "
        "effect grows with it; alpha is quoted at 64.",
        ge=2,
        le=4096,
    )
    optimizer: Literal["sgd", "adamw"] = setting(
        "sgd",
        label="Optimizer",
        help="SGD with momentum is the authors' choice. With AdamW L2's weight decay is "
        "decoupled from the gradient.",
        choice_labels={"sgd": "SGD with momentum", "adamw": "AdamW"},
    )
    lr: float = setting(
        0.01,
        label="Learning rate",
        help="Of the backbone, and of the head where that has none of its own.",
        gt=0.0,
        le=10.0,
        log=True,
    )
    head_lr: float | None = setting(
        None,
        label="Learning rate of the head",
        help="The new head starts from random weights and may want larger steps. Empty takes "
        "the same as the backbone's.",
        gt=0.0,
        le=10.0,
        log=True,
        advanced=True,
    )
    momentum: float = setting(
        0.9,
        label="Momentum",
        help="Of SGD, without Nesterov; AdamW's first beta.",
        ge=0.0,
        lt=1.0,
        advanced=True,
    )
    schedule: Literal["step", "exponential", "cosine", "constant"] = setting(
        "step",
        label="Schedule",
        help="How the learning rate falls. Step and exponential multiply it by the decay, cosine "
        "takes it to zero.",
        choice_labels={
            "step": "Step",
            "exponential": "Exponential",
            "cosine": "Cosine",
            "constant": "Constant",
        },
    )
    step_at: float = setting(
        0.67,
        label="Step after",
        help="Share of all steps after which the step schedule lowers the learning rate.",
        gt=0.0,
        le=1.0,
        advanced=True,
    )
    decay: float = setting(
        0.1,
        label="Decay",
        help="What the learning rate is multiplied by: at the step (step schedule), or over the "
        "whole run (exponential).",
        gt=0.0,
        le=1.0,
        advanced=True,
    )
    warmup_epochs: float = setting(
        0.0,
        label="Warm-up",
        help="The learning rate rises linearly over the first epochs.",
        unit="epochs",
        ge=0.0,
        advanced=True,
    )
    dropout: float | None = setting(
        None,
        label="Dropout",
        help="Probability, in place of the network's own: MobileNetV2, for one, has 0.2 before "
        "its head. Empty keeps the network's.",
        ge=0.0,
        lt=1.0,
        advanced=True,
    )
    more_epochs: tuple[Annotated[int, Field(ge=1, le=10000)], ...] | None = setting(
        None,
        label="Further rounds",
        help="Epochs of each further round after those above, as whole numbers between commas. In "
        "each the learning-rate schedule runs anew. Continuing a run that ended adds one.",
        advanced=True,
    )
    checkpoint_seconds: float = setting(
        60.0,
        label="Checkpoint every",
        help="A run whose app is killed goes on from its last checkpoint. Less often where "
        "writing takes more than a twentieth of the time. 0 keeps every step.",
        unit="s",
        ge=0.0,
        advanced=True,
    )
    label_smoothing: float = setting(
        0.0,
        label="Label smoothing",
        help="Share of the target probability spread evenly over all classes.",
        ge=0.0,
        lt=1.0,
        advanced=True,
    )
    class_weights: Literal["none", "balanced"] = setting(
        "none",
        label="Class weights",
        help="Balanced weighs each class's cross-entropy by the inverse of its share of the "
        "training pictures.",
        choice_labels={"none": "None", "balanced": "Balanced"},
        advanced=True,
    )
    batchnorm: Literal["train", "frozen"] = setting(
        "train",
        label="BatchNorm of the target",
        help="Train uses each batch's statistics (the authors'), so the feature maps differ from "
        "the source's from the first step. Frozen keeps the source's statistics.",
        choice_labels={"train": "Batch statistics", "frozen": "Frozen statistics"},
        advanced=True,
    )
    precision: Literal["auto", "float32", "bf16", "fp16"] = setting(
        "auto",
        label="Precision",
        help="Auto is bf16 on a GPU that has it, else fp16 with a scaler; float32 on the CPU. "
        "Penalties and the loss are computed in float32 always.",
        choice_labels={"auto": "Auto", "float32": "float32", "bf16": "bf16", "fp16": "fp16"},
        advanced=True,
    )
    channels_last: bool = setting(
        True,
        label="Channels last",
        help="Memory layout NHWC: faster convolutions on the CPU and on GPUs.",
        advanced=True,
    )
    seed: int = setting(
        0,
        label="Seed",
        help="Head, order, crops and dropout. On the CPU the same seed and thread count give the "
        "same numbers to the last bit.",
        ge=0,
        advanced=True,
    )
    device: str = setting(
        "auto",
        label="Device",
        help="auto, cpu, cuda, cuda:1 or mps. Auto takes CUDA, then MPS, then the CPU.",
        advanced=True,
    )
    threads: int | None = setting(
        None,
        label="CPU threads",
        help="Threads that compute on the CPU. Empty takes as many as there are cores. Part of "
        "what makes a run reproducible.",
        ge=1,
        le=256,
        advanced=True,
    )

    @property
    def rounds(self) -> tuple[int, ...]:
        """Epochs of each round in which the learning-rate schedule runs anew."""
        return (self.epochs, *(self.more_epochs or ()))

    @property
    def total_epochs(self) -> int:
        """Epochs of all rounds."""
        return sum(self.rounds)


class AttentionSettings(Settings):
    """How DELTA's channel attention is measured.

    Attributes:
        attention_of: folder of a finished training run, whose fine-tuned network is measured with
            its own head; None measures the source network with a head trained for it. No setting
            of a form: `delta_app.services.runs` fills it in for a run that only measures.
    """

    estimator: Literal["exact", "first-order", "combined"] = setting(
        "exact",
        label="Estimator",
        help="Exact disables each filter. First order takes the slope of the loss instead: quick, "
        "but another quantity. Combined takes the slope on all training pictures and puts it "
        "right by the exact importance on the batches below.",
        choice_labels={"exact": "Exact", "first-order": "First order", "combined": "Combined"},
        advanced=True,
    )
    attention_batches: int | None = setting(
        4,
        label="Attention batches",
        help="Batches of training pictures on which the filters are measured. The authors use 4; "
        "empty uses all pictures.",
        ge=1,
        advanced=True,
    )
    attention_batch_size: int = setting(
        32,
        label="Attention batch size",
        help="Pictures in each of these batches. The authors use 32 or 64.",
        ge=1,
        le=1024,
        advanced=True,
    )
    attention_reliability: float | None = setting(
        None,
        label="Until reliability",
        help="Goes on with more batches until in every layer this share of the variance between "
        "filters is not noise, or the pictures run out. Empty keeps to the batches above.",
        gt=0.0,
        lt=1.0,
        advanced=True,
    )
    attention_pictures: Literal["plain", "augmented"] = setting(
        "plain",
        label="Attention pictures",
        help="Plain resizes each picture once; augmented takes random crops and flips as the "
        "authors do.",
        choice_labels={"plain": "Plain", "augmented": "Augmented"},
        advanced=True,
    )
    head_epochs: int = setting(
        10,
        label="Epochs of the attention's head",
        help="The importance is measured with a head trained on the frozen backbone.",
        ge=1,
        le=1000,
        advanced=True,
    )
    attention_head_lr: float = setting(
        0.01,
        label="Learning rate of the attention's head",
        help="SGD with momentum 0.9, weight decay 1e-4, x0.1 every six epochs.",
        gt=0.0,
        le=10.0,
        log=True,
        advanced=True,
    )
    temperature: float = setting(
        5.0,
        label="Temperature",
        help="The standardised importances are divided by it before the softmax. Larger is more "
        "uniform.",
        gt=0.0,
        le=1000.0,
        advanced=True,
    )
    attention_seed: int = setting(
        0,
        label="Attention seed",
        help="Head, order and crops of the measurement. Apart from the run's seed, so that runs "
        "share one attention.",
        ge=0,
        advanced=True,
    )
    faithfulness: bool = setting(
        False,
        label="Faithfulness",
        help="Measures besides, on held-back pictures, how loss and accuracy change as a layer's "
        "filters are disabled one after another: most important first, least important first and "
        "in random orders.",
        measuring=True,
    )
    attention_of: str | None = None

    @property
    def measured_run(self) -> str | None:
        """Id of the run whose fine-tuned network is measured; None for the source network."""
        return Path(self.attention_of).name if self.attention_of else None

    def determining(self) -> dict[str, Any]:
        """The settings that determine the measured numbers, by name.

        Not `attention_of`: it names a folder, and what counts are the weights in it.
        """
        return self.model_dump(exclude={"faithfulness", "attention_of"})

"""Names of the metrics in the store, so that writer and charts cannot drift apart.

Losses are batch values as they enter the sum (weighted by alpha or beta); accuracies are
shares in [0, 1].
"""

LOSS_TOTAL = "loss/total"
LOSS_CROSS_ENTROPY = "loss/cross_entropy"
LOSS_BACKBONE = "loss/backbone"  # alpha * Omega_backbone
LOSS_HEAD = "loss/head"  # beta * Omega_head
LR_BACKBONE = "lr/backbone"
LR_HEAD = "lr/head"
TRAIN_TOP1 = "train/top1"  # share of an epoch's training pictures, crops as trained
VAL_TOP1 = "val/top1"
VAL_BALANCED = "val/balanced_accuracy"
VAL_CROSS_ENTROPY = "val/cross_entropy"
TEST_TOP1 = "test/top1"
PICTURES_PER_SECOND = "speed/pictures_per_second"
MEMORY_BYTES = "memory/bytes"

BY_STEP = (LOSS_TOTAL, LOSS_CROSS_ENTROPY, LOSS_BACKBONE, LOSS_HEAD, LR_BACKBONE, LR_HEAD)
BY_EPOCH = (TRAIN_TOP1, VAL_TOP1, VAL_BALANCED, VAL_CROSS_ENTROPY)

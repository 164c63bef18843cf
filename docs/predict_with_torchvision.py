"""Predict from an export with torchvision and safetensors alone: EXPORT_FOLDER PICTURE..."""

import json
import sys
from pathlib import Path

import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torchvision import models
from torchvision.transforms import v2 as T

folder, *pictures = map(Path, sys.argv[1:])
about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
classes, size = about["classes"], about["preprocessing"]
network = models.get_model(about["backbone"], num_classes=len(classes), **about["arguments"])
state = network.state_dict()  # filled rather than replaced: MNASNet wants the version it carries
state.update(load_file(folder / about["weights"]["file"]))
network.load_state_dict(state)
network.eval().requires_grad_(False)
resize = T.Resize([size["size"]] * 2, T.InterpolationMode(size["interpolation"]))
float32 = [T.ToImage(), T.ToDtype(torch.float32, scale=True)]
prepare = T.Compose([resize, *float32, T.Normalize(size["mean"], size["std"])])
for picture in pictures:
    image = prepare(ImageOps.exif_transpose(Image.open(picture)).convert("RGB"))
    probabilities = network(image[None]).softmax(dim=1)[0]
    print(picture, classes[int(probabilities.argmax())], f"{float(probabilities.max()):.4f}")

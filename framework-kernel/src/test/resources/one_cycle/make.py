"""Writes one-cycle.json: three parameters after each of 12 steps under PyTorch's OneCycleLR, which moves the momentum too.

    make.py > one-cycle.json            (needs torch)

The gradient of parameter i in step t is sin(3 t + 5 i).
"""

import json

import torch

OPTIMISERS = {
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.1, momentum=0.5),
}


def run(make):
    p = torch.nn.Parameter(torch.tensor([0.5, -1.0, 2.0]))
    optimiser = make([p])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.1, total_steps=12)
    values = []
    for t in range(12):
        p.grad = torch.sin(torch.tensor([3.0 * t + 5.0 * i for i in range(3)]))
        optimiser.step()
        values.append(p.tolist())
        if t < 11:
            schedule.step()
    return values


print(json.dumps({"torch": torch.__version__, **{name: run(make) for name, make in OPTIMISERS.items()}}))

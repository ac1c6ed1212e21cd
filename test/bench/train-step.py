"""PyTorch's side of the training-step benchmark: 4 x MBConv(e6, k5, 32 channels, 16x16), batch 64, channels_last.

Reads a line per round on stdin, runs so many steps and answers their times in milliseconds as a line of JSON; the first
line it writes names the version. So the caller decides how rounds interleave.
"""

import json
import sys
import time

import torch
from torch import nn


def conv(in_channels: int, out_channels: int, kernel: int, groups: int, activation: bool) -> list[nn.Module]:
    layers = [
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels, eps=1e-3),
    ]
    return layers + [nn.ReLU6(inplace=True)] if activation else layers


class MBConv(nn.Module):
    def __init__(self, channels: int, expand_ratio: int, kernel: int):
        super().__init__()
        middle = channels * expand_ratio
        self.layers = nn.Sequential(
            *conv(channels, middle, 1, 1, True),
            *conv(middle, middle, kernel, middle, True),
            *conv(middle, channels, 1, 1, False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


def main() -> None:
    torch.manual_seed(1)
    torch.set_num_threads(int(sys.argv[1]))
    model = nn.Sequential(*[MBConv(32, 6, 5) for _ in range(4)]).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    x = torch.randn(64, 32, 16, 16).to(memory_format=torch.channels_last)

    def step() -> float:
        started = time.perf_counter()
        loss = model(x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        return (time.perf_counter() - started) * 1000

    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        print(json.dumps([step() for _ in range(int(line))]), flush=True)


main()

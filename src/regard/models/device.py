"""Where a model computes."""

import torch

from regard.errors import UnsupportedError


def device_called(name: str) -> torch.device:
    """Return the device of that name.

    Raises UnsupportedError if torch cannot compute there.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # AssertionError: a torch built without CUDA
        reason = str(error).partition("\n")[0]
        raise UnsupportedError(f"cannot be used: {reason}", where=f"device {name!r}", hint="use device 'cpu'") from None
    return device

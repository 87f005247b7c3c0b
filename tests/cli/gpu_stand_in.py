"""For tests of the measuring scripts without a GPU: loads one of them, and stands in for torch."""
import importlib.util
import pathlib
import sys
from unittest.mock import MagicMock

root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root / "tools/calibrate"))


def load(name):
    spec = importlib.util.spec_from_file_location(name, root / f"tools/calibrate/{name}.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def torch_of(device):
    torch = MagicMock()
    torch.__version__, torch.version.cuda = "2.0", "12.0"
    torch.cuda.get_device_name.return_value = device
    return torch

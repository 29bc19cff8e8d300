"""Runs the user's script in script mode, then puts its folder beside the model, where the model server looks.

Training and serving have no network, so the code of the model server comes in the model's own archive:
https://sagemaker.readthedocs.io/en/stable/frameworks/pytorch/using_pytorch.html#model-directory-structure
"""

import os
import runpy
import shutil
import sys
from pathlib import Path


def main() -> None:
    """Run the program that the environment names, with the arguments that were given."""
    folder = Path(__file__).resolve().parent
    program = folder / os.environ["SAGELOOP_PROGRAM"]
    sys.argv[0] = str(program)
    try:
        runpy.run_path(str(program), run_name="__main__")
    except SystemExit as end:
        if end.code not in (None, 0):
            raise
    model = Path(os.environ.get("SM_MODEL_DIR", "/opt/ml/model"))
    not_code = shutil.ignore_patterns("__pycache__", Path(__file__).name)
    shutil.copytree(folder, model / "code", ignore=not_code, dirs_exist_ok=True)


if __name__ == "__main__":
    main()

"""Wisconsin's breast tumours: 569 rows of 30 measurements, which come with scikit-learn."""

from pathlib import Path

from sklearn.datasets import load_breast_cancer


def write(directory: Path) -> Path:
    """Write tumours.csv and return its path."""
    path = directory / "tumours.csv"
    table = load_breast_cancer(as_frame=True).frame
    table.columns = [name.replace(" ", "_") for name in table.columns]
    table.rename(columns={"target": "benign"}).to_csv(path, index=False)
    return path

"""What the model sees beside the columns of the files."""

import narwhals as nw


def prepare(table: nw.LazyFrame) -> nw.LazyFrame:
    """Most flights go west, so what matters of the wind is how much of it comes from there."""
    from_the_west = 1 - (nw.col("wind_dir") - 270).abs() / 180
    return table.with_columns(
        head_wind=from_the_west * nw.col("wind_speed"),
        wind_for_the_way=from_the_west * nw.col("wind_speed") * nw.col("distance"),
    ).drop("wind_dir")

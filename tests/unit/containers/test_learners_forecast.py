"""Forecasts: better than the naive one, the same twice, honest about what they know."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from learners import forecast
from learners.forecast import Model, Settings
from learners.learning import Array, Learnt, Recent, Training
from learners.moments import steps
from learners.progress import Progress
from tabular.contract import DataError
from tabular.schema import Feature, Schema, Split

START = (datetime(2020, 1, 6, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days
NAMES = ("east", "west")
HORIZON = 7


def schema(*, several: bool = True, dated: bool = True, ahead: bool = False) -> Schema:
    """One series or two, with or without a column that is known ahead."""
    columns = [Feature("shop", "category", NAMES)] if several else []
    columns += [Feature("day", "datetime" if dated else "integer")]
    columns += [Feature("sale", "number")] if ahead else []
    series = ("shop",) if several else ()
    return Schema("forecast", "sold", (), "day", tuple(columns), (), Split(1, 1), (), series=series)


def pattern(count: int, season: int = 7, seed: int = 0) -> Array:
    """A trend, a season and noise: what the seasonal naive forecast repeats, noise included."""
    chance = np.random.default_rng(seed)
    place = np.arange(count)
    return np.asarray(
        100 + 0.2 * place + 20 * np.sin(2 * np.pi * place / season) + chance.normal(0, 5, count)
    )


def weekly(count: int = 280) -> tuple[Array, Array]:
    """Two daily series of different size: matrix and labels, in the order of time."""
    days = np.repeat(START + np.arange(count), 2)
    shops = np.tile([0, 1], count)
    values = np.stack([pattern(count), 10 * pattern(count, seed=1)], axis=1).reshape(-1)
    return np.stack([shops, days], axis=1).astype(np.float32), values.astype(np.float32)


def learnt(matrix: Array, labels: Array, told: Schema | None = None, **settings: float) -> Learnt:
    """Learn from these rows."""
    count = len(labels)
    data = Training(
        told or schema(), matrix, labels, None, np.arange(count), np.arange(count), 0, 1,
    )  # fmt: skip
    return forecast.learn(data, made(settings), Progress("forecast"))


def made(settings: dict[str, float]) -> Settings:
    return replace(Settings(horizon=HORIZON, rounds=60), **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shops() -> tuple[Array, Array, Model]:
    """The two daily series, all but whose last week a model has learnt."""
    matrix, labels = weekly()
    model = learnt(matrix[: -2 * HORIZON], labels[: -2 * HORIZON]).model
    assert isinstance(model, Model)
    return matrix, labels, model


def test_it_is_better_than_the_seasonal_naive_forecast() -> None:
    matrix, labels = weekly()
    ours, naive = [], []
    for end in range(len(labels) - 8 * HORIZON, len(labels) + 1, 2 * HORIZON):
        cut = end - 2 * HORIZON
        model = learnt(matrix[:cut], labels[:cut]).model
        scale = model.scale(matrix[cut:end])  # type: ignore[attr-defined]
        ours.append(np.abs(model.predict(matrix[cut:end]) - labels[cut:end]) / scale)
        naive.append(np.abs(labels[cut - 2 * HORIZON : cut] - labels[cut:end]) / scale)
    assert np.mean(ours) < 0.9 * np.mean(naive)


def test_the_same_rows_give_the_same_bytes_whatever_the_threads(tmp_path: Path) -> None:
    matrix, labels = weekly()
    written = []
    for threads in (1, 2):
        rows = np.arange(len(labels))
        data = Training(schema(), matrix, labels, None, rows, rows, 0, threads)
        model = forecast.learn(data, made({}), Progress("forecast")).model
        (tmp_path / str(threads)).mkdir()
        written.append(
            [(tmp_path / str(threads) / name).read_bytes() for name in model.save(tmp_path / str(threads))]
        )
    assert written[0] == written[1]


def test_a_saved_model_forecasts_and_explains_the_same(
    tmp_path: Path, shops: tuple[Array, Array, Model]
) -> None:
    matrix, _, model = shops
    assert set(model.save(tmp_path)) == {"model.txt", "history.npz"}
    read = forecast.load(tmp_path, schema())
    assert (read.predict(matrix) == model.predict(matrix)).all()
    assert (read.contributions(matrix) == model.contributions(matrix)).all()


def test_a_row_is_forecast_alike_alone_and_among_others(shops: tuple[Array, Array, Model]) -> None:
    matrix, _, model = shops
    together = model.predict(matrix)
    for row in (0, 100, len(matrix) - 1):
        assert model.predict(matrix[row : row + 1])[0] == together[row]


def test_contributions_add_up_to_the_forecast(shops: tuple[Array, Array, Model]) -> None:
    matrix, _, model = shops
    rest = model.predict(matrix[:50:2]) - model.contributions(matrix[:50:2]).sum(axis=1)
    # The same for every row of a series.
    assert np.ptp(rest) == pytest.approx(0, abs=0.01)


def test_within_the_history_a_row_is_forecast_without_itself() -> None:
    matrix, labels = weekly()
    cut = len(labels) - 2 * HORIZON
    changed = labels.copy()
    changed[cut + 2] += 50
    ours, theirs = (
        forecast.learn(
            replace(_data(matrix[:cut], labels[:cut]), recent=Recent(matrix[cut:], after[cut:])),
            made({}),
            Progress("forecast"),
        ).model.predict(matrix)
        for after in (labels, changed)
    )
    # But for the unit that errors are told in, which is that of the whole series.
    assert ours[: cut + 4] == pytest.approx(theirs[: cut + 4], abs=4)
    assert abs(ours[cut + 4] - theirs[cut + 4]) > 5


def _data(matrix: Array, labels: Array) -> Training:
    rows = np.arange(len(labels))
    return Training(schema(), matrix, labels, None, rows, rows, 0, 1)


def test_recent_rows_are_known_in_use_and_unknown_to_evaluation() -> None:
    matrix, labels = weekly()
    cut = len(labels) - 2 * HORIZON
    data = _data(matrix[:cut], labels[:cut])
    plain = forecast.learn(data, made({}), Progress("forecast")).model
    fresh = replace(data, recent=Recent(matrix[cut:], labels[cut:]))
    used = forecast.learn(fresh, made({}), Progress("forecast")).model
    assert isinstance(used, Model)
    held_out = matrix[cut:]
    judged = used.before(float(held_out[0, 1]))
    assert (judged.predict(held_out) == plain.predict(held_out)).all()
    assert (judged.scale(held_out) == plain.scale(held_out)).all()  # type: ignore[attr-defined]
    later = held_out + np.array([0, HORIZON], np.float32)
    assert (used.predict(later) != plain.predict(later)).any()


def test_gaps_are_bridged() -> None:
    matrix, labels = weekly()
    kept = np.random.default_rng(0).random(len(labels)) > 0.2
    kept[-2 * HORIZON :] = False
    model = learnt(matrix[kept], labels[kept]).model
    predicted = model.predict(matrix[-2 * HORIZON :])
    error = np.abs(predicted - labels[-2 * HORIZON :]) / model.scale(matrix[-2 * HORIZON :])  # type: ignore[attr-defined]
    assert error.mean() < 1


def test_a_single_series_and_a_column_that_is_known_ahead() -> None:
    count, chance = 300, np.random.default_rng(0)
    sale = chance.random(count) < 0.3
    labels = (pattern(count) + 60 * sale).astype(np.float32)
    matrix = np.stack([START + np.arange(count), sale], axis=1).astype(np.float32)
    told = schema(several=False, ahead=True)
    model = learnt(matrix[:-HORIZON], labels[:-HORIZON], told, rounds=200).model
    asked = np.repeat(matrix[-1:], 2, axis=0)
    asked[:, 1] = 0, 1
    without, during = model.predict(asked)
    assert 30 < during - without < 90


def test_an_unknown_series_and_a_missing_moment_have_an_answer(shops: tuple[Array, Array, Model]) -> None:
    matrix, labels, model = shops
    day = matrix[-1, 1]
    unknown, dateless, both = model.predict(
        np.array([[np.nan, day], [0, np.nan], [np.nan, np.nan]], np.float32)
    )
    assert labels[0::2].min() < unknown < labels[1::2].max()
    after = matrix[: -2 * HORIZON, 1].max() + 1
    assert dateless == model.predict(np.array([[0, after]], np.float32))[0]
    assert np.isfinite(both)


def test_what_was_never_negative_is_not_forecast_to_be() -> None:
    count = 120
    labels = np.maximum(0, 50 - np.arange(count)).astype(np.float32)
    matrix = (START + np.arange(count, dtype=np.float32)).reshape(-1, 1)
    model = learnt(matrix, labels, schema(several=False)).model
    assert model.predict(matrix + 30).min() >= 0


def test_the_scale_is_the_error_of_the_seasonal_naive_forecast(shops: tuple[Array, Array, Model]) -> None:
    matrix, labels, model = shops
    east = labels[: -2 * HORIZON : 2].astype(float)
    assert model.scale(matrix[:1])[0] == pytest.approx(np.abs(east[7:] - east[:-7]).mean())


def test_the_log_ends_with_every_metric_of_the_best_round(capsys: pytest.CaptureFixture[str]) -> None:
    found = learnt(*weekly())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[0] train-mase=")
    last = dict(pair.split("=") for pair in lines[-1].split("] ")[1].split(" "))
    assert last == {f"validation-{name}": f"{value:.6f}" for name, value in found.metrics.items()}
    assert set(found.metrics) == {"mase", "wape", "rmse", "mae"}


def test_a_trial_learns_once() -> None:
    matrix, labels = weekly()
    trial = forecast.learn(replace(_data(matrix, labels), refit=False), made({}), Progress("forecast"))
    whole = learnt(matrix, labels)
    assert (trial.rounds, trial.metrics) == (whole.rounds, whole.metrics)
    assert (trial.model.predict(matrix) != whole.model.predict(matrix)).any()


def calendar(first: datetime, months: int, count: int) -> Array:
    whole = [first.year * 12 + first.month - 1 + months * place for place in range(count)]
    moments = [first.replace(year=month // 12, month=month % 12 + 1) for month in whole]
    return np.array([(moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(days=1) for moment in moments])


@pytest.mark.parametrize(
    ("times", "text", "season"),
    [
        (START + np.arange(400) / 24, "an hour", 24),
        (START + 0.5 / 24 + np.arange(400) / 24, "an hour", 24),
        (START + np.arange(900) / 288, "5 minutes", 288),
        (START + np.arange(400) / 96, "15 minutes", 96),
        (START + np.arange(50.0), "a day", 7),
        (START + 7 * np.arange(50.0), "a week", 52),
        (calendar(datetime(2019, 11, 1, tzinfo=UTC), 1, 40), "a month", 12),
        (calendar(datetime(2019, 2, 15, tzinfo=UTC), 3, 12), "a quarter", 4),
        (calendar(datetime(1990, 1, 1, tzinfo=UTC), 12, 30), "a year", 1),
    ],
)
def test_the_step_is_found_in_moments_with_gaps(times: Array, text: str, season: int) -> None:
    kept = np.random.default_rng(0).random(len(times)) > 0.2
    kept[:3] = True
    blurred = times[kept].astype(np.float32)
    found = steps(blurred, dated=True, name="day")
    assert (found.text, found.season) == (text, season)
    assert (found.numbers(blurred) == np.flatnonzero(kept)).all()
    told = found.moments(found.numbers(blurred))
    # Of months it is the first day.
    assert told == pytest.approx(times[kept], abs=15 if found.months else 0.003)


def test_working_days_are_days_with_gaps() -> None:
    days = np.array([START + day for day in range(60) if day % 7 < 5], dtype=float)
    assert steps(days, dated=True, name="day").text == "a day"


@pytest.mark.parametrize("season", [4, 12])
def test_a_numeric_time_finds_its_own_season(season: int) -> None:
    count = 120
    matrix = np.arange(count, dtype=np.float32).reshape(-1, 1)
    labels = pattern(count, season).astype(np.float32)
    model = learnt(matrix, labels, schema(several=False, dated=False)).model
    naive = np.abs(labels[season:].astype(float) - labels[:-season]).mean()
    assert model.scale(matrix[:1])[0] == pytest.approx(naive)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (np.array([0, 1, 2, 2.5, 3, 4]) + START, "2020-01-08T12:00 lies between two of them"),
        (np.array([0, 1.0]) + START, "at least three"),
        (START + np.arange(50) / 1440, "at least five minutes apart"),
    ],
)
def test_moments_without_an_even_step_are_refused_in_a_sentence(times: Array, told: str) -> None:
    with pytest.raises(DataError) as caught:
        steps(times.astype(np.float32), dated=True, name="day")
    assert told in str(caught.value)
    assert "'day'" in str(caught.value)


def test_too_short_a_history_is_refused_in_a_sentence() -> None:
    matrix, labels = weekly(10)
    with pytest.raises(DataError, match="10 steps of a day, too few to learn a forecast of 7 steps"):
        learnt(matrix, labels)

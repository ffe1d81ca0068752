"""The broken sample: refused by default, committed with a budget, and every reject is reported."""

from conftest import SAMPLES

BROKEN = SAMPLES / "broken-records.txt"
REJECTS, ROWS = 20, 10


def test_the_first_reject_ends_the_run_and_nothing_is_written(partiquet, tmp_path):
    out = tmp_path / "calls"
    done = partiquet.run("convert", BROKEN, "--out", out, "--progress", "none")
    assert done.returncode == 1
    assert "broken-records.txt" in done.stderr and "--max-rejects" in done.stderr
    assert not list(out.rglob("*.parquet")) if out.exists() else True


def test_one_reject_too_many_is_too_many(partiquet, tmp_path):
    done = partiquet.run("convert", BROKEN, "--out", tmp_path / "calls", "--progress", "none", "--max-rejects", REJECTS - 1)
    assert done.returncode == 1


def test_inside_the_budget_the_good_records_are_committed(partiquet, tmp_path):
    import duckdb

    out = tmp_path / "calls"
    partiquet.convert(BROKEN, out=out, code=3, max_rejects=REJECTS)
    assert duckdb.sql(f"SELECT count(*) FROM read_parquet('{out}/**/*.parquet')").fetchall() == [(ROWS,)]
    (rejects,) = (out / "_partiquet" / "rejects").glob("*.ndjson")
    assert len(rejects.read_text(encoding="utf-8").splitlines()) == REJECTS

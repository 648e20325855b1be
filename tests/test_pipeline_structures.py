"""Structures through the real pipeline: written beside the table where a model predicts them."""

from .test_structures import SEQUENCES, model, predict  # noqa: F401


def test_structures_are_those_of_one_run(nextflow, model, fasta, tmp_path):  # noqa: F811
    path = fasta("".join(f">{name} x\n{letters}\n" for name, letters in SEQUENCES.items()).encode())
    predict(model, tmp_path, path, ct=True, pseudoknots=True)
    settings = ["--models", model, "--ct", "--pseudoknots", "--shard_residues", 60]
    done = nextflow("--fasta", path, "--outdir", "folded", *settings)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("> PREDICT") > 2
    for name in ("structures.dbn", "pairs.tsv", "structures.ct"):
        assert (done.folder / "folded" / name).read_bytes() == (tmp_path / "new/structures" / name).read_bytes()
    assert (done.folder / "folded/predictions.tsv").read_bytes() == (tmp_path / "table.tsv").read_bytes()


def test_asked_for_without_a_model(nextflow, fasta):
    done = nextflow("--fasta", fasta(b">a\nACGTACGT\n"), "--tasks", "mrl", "--pseudoknots", "--outdir", "none")
    assert done.returncode == 1
    assert "--pseudoknots is for models of structure: add --tasks structure" in done.stdout
    assert "Submitted process" not in done.stdout

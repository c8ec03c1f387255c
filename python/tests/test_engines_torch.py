"""PyTorch: a `Dataset` that corrupts on the fly, with a `DataLoader` of two workers, however they are started."""
import pytest

import examples

pytest.importorskip("torch")

# The example, in a process where the package has worked on all its threads before the workers are made.
COMPARE = """
    safelight.Embedder("embed.onnx")(sorted(map(str, Path("pictures").iterdir())))
    safelight.Restorer("denoise.onnx")(safelight.decode("pictures/0-house.jpg").array[:96, :96])
    few = dict(batch_size=8, num_workers=2, multiprocessing_context="METHOD")
    lasting = DataLoader(pairs, persistent_workers=True, **few)
    seen = []
    for epoch in range(2):
        pairs.epoch.fill_(epoch)
        alone = [pairs[i] for i in range(len(pairs))]
        # Workers of one epoch, and workers that were there before it.
        for loader in (lasting, DataLoader(pairs, **few)) if epoch else (lasting,):
            batches = list(loader)
            for half in (0, 1):
                together = torch.cat([batch[half] for batch in batches])
                assert torch.equal(together, torch.stack([pair[half] for pair in alone])), (epoch, half)
        seen.append(torch.stack([pair[0] for pair in alone]))
        assert not torch.equal(seen[-1], torch.stack([pair[1] for pair in alone]))
    assert not torch.equal(*seen)
    print(len(pairs))
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_two_workers_give_what_none_give(tmp_path, method):
    paths = examples.prepare(tmp_path)
    text = examples.code("PyTorch") + COMPARE.replace("METHOD", method)
    jpegs = [path for path in paths if path.suffix == ".jpg"]
    assert int(examples.run(text, tmp_path)) == len(jpegs)


# A class as people write it whose networks run in the workers.
EMBEDS = """
from pathlib import Path
import safelight, torch
from torch.utils.data import DataLoader, Dataset

class Vectors(Dataset):
    def __init__(self, paths, embedder, restorer):
        self.paths, self.embedder, self.restorer = paths, embedder, restorer
    def __len__(self):
        return len(self.paths)
    def __getitem__(self, i):
        clean = self.restorer(safelight.decode(self.paths[i]).array[:96, :96])
        return torch.from_numpy(self.embedder([clean])[0])

if __name__ == "__main__":
    paths = sorted(map(str, Path("pictures").glob("0-*.jpg")))
    vectors = Vectors(paths, safelight.Embedder("embed.onnx"), safelight.Restorer("denoise.onnx"))
    alone = torch.stack([vectors[i] for i in range(len(vectors))])
    found = torch.cat(list(DataLoader(vectors, batch_size=2, num_workers=2, multiprocessing_context="METHOD")))
    assert torch.equal(found, alone)
    print(len(found))
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_networks_run_in_workers(tmp_path, method):
    paths = examples.prepare(tmp_path)
    found = int(examples.run(EMBEDS.replace("METHOD", method), tmp_path))
    assert found == sum(path.name.startswith("0-") and path.suffix == ".jpg" for path in paths)

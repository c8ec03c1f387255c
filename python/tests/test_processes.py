"""Objects in other processes: forked after they were used, spawned, and the signs of a fork that went wrong."""

import multiprocessing
import os
import warnings

import numpy as np
import pytest

import safelight

MODELS = "sample_data/models"
# What every child does has to be over long before.
PATIENCE = 120


def restored(restore, picture, answers):
    answers.put(restore(picture))


def embedded(embed, pictures, answers):
    answers.put(embed(pictures))


def corrupted(recipe, picture, answers):
    answers.put([recipe(picture, seed) for seed in range(3)])


def measured(job, _, answers):
    answers.put(job.run()["exit"])


def loaded(_, picture, answers):
    answers.put(safelight.Restorer(f"{MODELS}/denoise.onnx")(picture))


def in_a_child(method, work, thing, picture):
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    child = context.Process(target=work, args=(thing, picture, answers))
    with warnings.catch_warnings():
        # Threads of the parent that a child does not have are just what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()
    answer = answers.get(timeout=PATIENCE)
    child.join(PATIENCE)
    assert child.exitcode == 0
    return answer


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("threads", [None, 1, 2])
def test_restorers_work_in_children(method, threads, noisy):
    restore = safelight.Restorer(f"{MODELS}/denoise.onnx", threads=threads)
    wanted = restore(noisy)
    assert np.array_equal(in_a_child(method, restored, restore, noisy), wanted)
    assert np.array_equal(restore(noisy), wanted)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_embedders_work_in_children(method, embed, noisy):
    pictures = [noisy, noisy[::2], "sample_data/archive/2019/lake.jpg"]
    wanted = embed(pictures)
    assert np.array_equal(in_a_child(method, embedded, embed, pictures), wanted)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_recipes_work_in_children(method, noisy):
    recipe = safelight.Recipe(["gaussian_noise", {"jpeg_compression": {"quality": 60}}, "frost"])
    wanted = [recipe(noisy, seed) for seed in range(3)]
    found = in_a_child(method, corrupted, recipe, noisy)
    assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_jobs_work_in_children(method, noisy):
    pipeline = "version: 1\ninput: sample_data/archive/2019\noutput: {}\nsteps: [measure: [mean], table]\n"
    assert safelight.Job(pipeline.format("first")).run()["exit"] == 0
    assert in_a_child(method, measured, safelight.Job(pipeline.format("second")), None) == 0
    tables = [safelight.read_table(output) for output in ("first", "second")]
    assert tables[0].equals(tables[1])


def test_models_load_in_a_forked_child(denoise, noisy):
    wanted = denoise(noisy)
    assert np.array_equal(in_a_child("fork", loaded, None, noisy), wanted)


def test_a_child_of_a_child_works(denoise, noisy):
    wanted = denoise(noisy)
    answer, say = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                first = np.array_equal(denoise(noisy), wanted)
                grandchild = os.fork()
                if grandchild == 0:
                    os._exit(0 if np.array_equal(denoise(noisy), wanted) else 1)
                code = 0 if first and os.waitpid(grandchild, 0)[1] == 0 else 1
                os.write(say, b"%d" % code)
            finally:
                os._exit(code)
    os.close(say)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(answer, 1) == b"0"

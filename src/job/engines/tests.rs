use super::*;

type Variables<'a> = &'a [(&'a str, &'a str)];

fn detect_in(variables: Variables<'_>, count: Option<u64>) -> Result<(String, &'static str), String> {
    let env = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, text)| text.to_string());
    detect(&env, count, ShardBy::Path)
        .map(|(shard, name)| (shard.to_string(), name))
        .map_err(|e| e.to_string())
}

#[track_caller]
fn is(variables: Variables<'_>, count: Option<u64>, shard: &str, engine: &str) {
    assert_eq!(detect_in(variables, count), Ok((shard.to_string(), engine_name(engine))), "{variables:?}");
}

fn engine_name(name: &str) -> &'static str {
    ENGINES.iter().find(|e| e.name == name).unwrap().name
}

#[track_caller]
fn refused(variables: Variables<'_>, count: Option<u64>, saying: &[&str]) {
    let message = detect_in(variables, count).unwrap_err();
    for part in saying {
        assert!(message.contains(part), "`{part}` is not in `{message}`");
    }
}

fn slurm<'a>(id: &'a str, [min, max, step, count]: [&'a str; 4]) -> Vec<(&'a str, &'a str)> {
    vec![
        ("SLURM_JOB_ID", "42"),
        ("SLURM_ARRAY_JOB_ID", "41"),
        ("SLURM_PROCID", "0"),
        ("SLURM_ARRAY_TASK_ID", id),
        ("SLURM_ARRAY_TASK_MIN", min),
        ("SLURM_ARRAY_TASK_MAX", max),
        ("SLURM_ARRAY_TASK_STEP", step),
        ("SLURM_ARRAY_TASK_COUNT", count),
    ]
}

const STEP_TASK: [(&str, &str); 4] =
    [("SLURM_JOB_ID", "42"), ("SLURM_PROCID", "1"), ("SLURM_STEP_NUM_TASKS", "2"), ("SLURM_NTASKS", "2")];

/// As Slurm 22.05 sets them for `--array` of this text.
#[test]
fn arrays_of_slurm() {
    is(&slurm("0", ["0", "3", "1", "4"]), None, "1/4", "Slurm (array)"); // 0-3
    is(&slurm("3", ["0", "3", "1", "4"]), Some(4), "4/4", "Slurm (array)");
    is(&slurm("5", ["1", "7", "2", "4"]), None, "3/4", "Slurm (array)"); // 1-7:2 and 1-8:2
    is(&slurm("5", ["5", "5", "1", "1"]), None, "1/1", "Slurm (array)"); // 5
    // 1,3,7 and 1,3,5,7: the step is 1 for both.
    refused(
        &slurm("3", ["1", "7", "1", "3"]),
        None,
        &["contradictory", "COUNT says 3", "says 7", "--array=1-16"],
    );
    refused(&slurm("3", ["1", "7", "1", "4"]), None, &["contradictory"]);
    refused(
        &slurm("3", ["3", "7", "1", "2"]),
        Some(16),
        &["`--shard auto/16` says 16", "$SLURM_ARRAY_TASK_ID/16"],
    );
}

#[test]
fn contradictions_in_arrays_of_slurm() {
    refused(&slurm("8", ["0", "3", "1", "4"]), None, &["SLURM_ARRAY_TASK_ID is 8", "number 9 of 4"]);
    refused(&slurm("0", ["1", "4", "1", "4"]), None, &["is 0", "start at 1"]);
    refused(&slurm("2", ["1", "7", "2", "4"]), None, &["is 2", "steps of 2"]);
    refused(&slurm("2", ["1", "7", "0", "4"]), None, &["SLURM_ARRAY_TASK_STEP is 0"]);
    refused(&slurm("2", ["9", "7", "1", "4"]), None, &["SLURM_ARRAY_TASK_MAX is 7"]);
    refused(&slurm("0", ["0", "3", "1", "4"]), Some(5), &["auto/5` says 5", "says 4"]);
    refused(&slurm("0", ["0", "99999", "1", "100000"]), None, &["100000 shards are too many"]);
    for text in ["-1", "+1", " 1", "1.0", "one", "0x1", "99999999999999999999"] {
        refused(&slurm(text, ["0", "3", "1", "4"]), None, &["SLURM_ARRAY_TASK_ID", "no number"]);
        refused(&slurm("0", ["0", "3", "1", text]), None, &["SLURM_ARRAY_TASK_COUNT", "no number"]);
    }
    let unset: Vec<_> =
        slurm("0", ["0", "3", "1", "4"]).into_iter().filter(|v| v.0 != "SLURM_ARRAY_TASK_MIN").collect();
    refused(&unset, None, &["SLURM_ARRAY_TASK_MIN is not set"]);
}

#[test]
fn tasks_of_srun_and_not_their_batch_script() {
    is(&STEP_TASK, None, "2/2", "Slurm (srun)");
    let script =
        [("SLURM_JOB_ID", "42"), ("SLURM_PROCID", "0"), ("SLURM_NTASKS", "2"), ("SLURM_NPROCS", "2")];
    refused(&script, None, &["no engine", "--array=1-16", "srun"]);
    refused(&[("SLURM_PROCID", "2"), ("SLURM_STEP_NUM_TASKS", "2")], None, &["number 3 of 2"]);
}

#[test]
fn engines_that_tell_both() {
    let from_zero = [
        ("AWS Batch (array)", "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"),
        ("AWS Batch (nodes)", "AWS_BATCH_JOB_NODE_INDEX", "AWS_BATCH_JOB_NUM_NODES"),
        ("Google Batch", "BATCH_TASK_INDEX", "BATCH_TASK_COUNT"),
        ("Cloud Run", "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT"),
        ("Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
        ("MPI (PMI)", "PMI_RANK", "PMI_SIZE"),
    ];
    for (name, index, count) in from_zero {
        is(&[(index, "0"), (count, "16")], None, "1/16", name);
        is(&[(index, "15"), (count, "16")], Some(16), "16/16", name);
        is(&[(index, "0"), (count, "1")], None, "1/1", name);
        refused(&[(index, "16"), (count, "16")], None, &[name, "number 17 of 16"]);
        refused(&[(index, "0"), (count, "0")], None, &[name, "can be 0"]);
        refused(&[(index, "3"), (count, "16")], Some(8), &[name, "auto/8` says 8", count]);
        refused(
            &[(index, "3"), (count, "16"), (COUNT, "8")],
            None,
            &[name, "SAFELIGHT_SHARDS says 8", count],
        );
        refused(&[(index, "3")], None, &[name, "nothing says how many"]);
        is(&[(index, "3")], Some(8), "4/8", name);
        // An empty variable is none.
        refused(&[(index, ""), (count, "16")], None, &["no engine"]);
    }
}

#[test]
fn engines_that_tell_no_count() {
    let told = [
        ("HyperQueue", "HQ_TASK_ID", 1),
        ("Kubernetes", "JOB_COMPLETION_INDEX", 0),
        ("PBS", "PBS_ARRAY_INDEX", 1),
        ("Torque", "PBS_ARRAYID", 1),
        ("GNU parallel", "PARALLEL_SEQ", 1),
        ("MPI (PMIx)", "PMIX_RANK", 0),
    ];
    for (name, index, first) in told {
        let (second, last) = ((first + 1).to_string(), (first + 15).to_string());
        refused(&[(index, &second)], None, &[name, index, "nothing says how many", "/16"]);
        is(&[(index, &second)], Some(16), "2/16", name);
        is(&[(index, &last), (COUNT, "16")], None, "16/16", name);
        refused(&[(index, &(first + 16).to_string())], Some(16), &[name, "number 17 of 16"]);
        refused(
            &[(index, &second), (COUNT, "8")],
            Some(16),
            &["auto/16` says 16", "SAFELIGHT_SHARDS says 8"],
        );
        refused(&[(index, "x")], Some(16), &[index, "`x`"]);
        is(&[(index, "0"), (FIRST, "0")], Some(16), "1/16", name);
        is(&[(index, "104"), (FIRST, "100")], Some(16), "5/16", name);
    }
    // Submitted from 0 without saying so: one task is refused, and the last shard is missing, none is done twice.
    refused(&[("HQ_TASK_ID", "0")], Some(16), &["start at 1", "SAFELIGHT_SHARD_FIRST=0"]);
}

#[test]
fn arrays_of_grid_engine() {
    let array = |id, [first, last, step]: [&'static str; 3]| {
        [("SGE_TASK_ID", id), ("SGE_TASK_FIRST", first), ("SGE_TASK_LAST", last), ("SGE_TASK_STEPSIZE", step)]
    };
    is(&array("1", ["1", "16", "1"]), None, "1/16", "Grid Engine");
    is(&array("100", ["97", "128", "1"]), Some(32), "4/32", "Grid Engine");
    is(&array("7", ["2", "10", "5"]), None, "2/2", "Grid Engine"); // 2-10:5
    refused(&array("8", ["2", "10", "5"]), None, &["SGE_TASK_ID is 8", "steps of 5"]);
    refused(&array("2", ["2", "10", "1"]), Some(16), &["auto/16` says 16", "says 9", "$SGE_TASK_ID/16"]);
    refused(&array("2", ["2", "undefined", "1"]), None, &["SGE_TASK_LAST", "undefined"]);
    refused(&array("undefined", ["undefined"; 3]), None, &["no engine"]);
}

#[test]
fn arrays_of_lsf() {
    let array =
        |id, end, step| [("LSB_JOBINDEX", id), ("LSB_JOBINDEX_END", end), ("LSB_JOBINDEX_STEP", step)];
    is(&array("16", "16", "1"), None, "16/16", "LSF");
    is(&array("31", "31", "2"), None, "16/16", "LSF"); // [1-31:2]
    is(&array("3", "32", "2"), None, "2/16", "LSF"); // [1-32:2], if told so
    refused(&array("7", "20", "1"), Some(16), &["auto/16` says 16", "says 20", "SAFELIGHT_SHARD_FIRST=5"]); // [5-20]
    is(&[&array("7", "20", "1")[..], &[(FIRST, "5")]].concat(), Some(16), "3/16", "LSF");
    refused(&array("2", "31", "2"), None, &["LSB_JOBINDEX is 2", "steps of 2"]);
    refused(&array("0", "0", "0"), None, &["no engine"]);
}

#[test]
fn one_engine_inside_another() {
    let hyperqueue = [("HQ_JOB_ID", "1"), ("HQ_TASK_ID", "7"), ("HQ_INSTANCE_ID", "0")];
    let array = slurm("2", ["1", "4", "1", "4"]);
    // A worker of HyperQueue in a step or an array of Slurm.
    is(&[&STEP_TASK[..], &hyperqueue].concat(), Some(16), "7/16", "HyperQueue");
    is(&[&array[..], &hyperqueue].concat(), Some(16), "7/16", "HyperQueue");
    // `mpirun` with a daemon started by `srun`, as Open MPI 4.1 has it, and `srun --mpi=pmi2`, `--mpi=pmix`.
    let openmpi = [("OMPI_COMM_WORLD_SIZE", "8"), ("OMPI_COMM_WORLD_RANK", "5"), ("PMIX_RANK", "5")];
    is(&openmpi, None, "6/8", "Open MPI");
    is(&[&STEP_TASK[..], &openmpi].concat(), None, "6/8", "Open MPI");
    is(&[&STEP_TASK[..], &[("PMI_RANK", "1"), ("PMI_SIZE", "2")]].concat(), None, "2/2", "MPI (PMI)");
    is(&[&STEP_TASK[..], &[("PMIX_RANK", "1")]].concat(), None, "2/2", "Slurm (srun)");
    // A task of an array that uses `srun` or `mpirun` for one process.
    let one = [("SLURM_STEP_NUM_TASKS", "1"), ("OMPI_COMM_WORLD_SIZE", "1"), ("OMPI_COMM_WORLD_RANK", "0")];
    is(&[&array[..], &one].concat(), None, "2/4", "Slurm (array)");
    // One that uses it for several divides twice.
    let step = [("SLURM_STEP_NUM_TASKS", "2")];
    refused(
        &[&array[..], &step].concat(),
        None,
        &["Slurm (array) says 2/4", "Slurm (srun) says 1/2", "--shard 3/16"],
    );
    refused(&[&array[..], &openmpi].concat(), None, &["says 2/4", "Open MPI says 6/8", "PMIx) says 6/8"]);
    refused(
        &[&array[..], &[("PARALLEL_SEQ", "3")]].concat(),
        None,
        &["says 2/4", "GNU parallel: PARALLEL_SEQ"],
    );
    refused(
        &[&STEP_TASK[..], &[("PARALLEL_SEQ", "1")]].concat(),
        Some(2),
        &["srun) says 2/2", "parallel says 1/2"],
    );
    refused(
        &[("OMPI_COMM_WORLD_SIZE", "8"), ("OMPI_COMM_WORLD_RANK", "5"), ("PMIX_RANK", "4")],
        None,
        &["not alike"],
    );
}

#[test]
fn no_engine() {
    refused(&[("HOME", "/root"), (COUNT, "16")], Some(16), &["no engine", "HyperQueue", "`--shard 3/16`"]);
    let message = detect_in(&[], None).unwrap_err();
    assert_eq!(message.matches("Slurm").count(), 1, "{message}");
}

#[test]
fn every_row_is_whole() {
    for engine in ENGINES {
        assert!(
            !engine.name.is_empty() && !engine.index.is_empty() && !engine.advice.is_empty(),
            "{engine:?}"
        );
        assert!(engine.advice.contains("/16") || engine.advice.contains("1-16"), "{engine:?}");
        let again =
            ENGINES.iter().filter(|other| other.index == engine.index || other.name == engine.name).count();
        assert_eq!(again, 1, "{engine:?}");
    }
}

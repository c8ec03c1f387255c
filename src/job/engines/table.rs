//! How engines tell a process which of how many it is.

/// What an engine sets in the environment of each of its tasks.
#[derive(Debug)]
pub(super) struct Engine {
    /// As people call it.
    pub(super) name: &'static str,
    /// Variable with the number of this task. A task of this engine has it.
    pub(super) index: &'static str,
    /// Variable that a task has besides, where others than tasks have the first one too.
    pub(super) besides: Option<&'static str>,
    /// Texts of the number that say that this is one job and not one of several.
    pub(super) alone: &'static [&'static str],
    /// The number of the first task.
    pub(super) first: First,
    /// Variable with the greatest number.
    pub(super) last: Option<&'static str>,
    /// Variable with what one number differs by from the next.
    pub(super) step: Option<&'static str>,
    /// Variables with how many tasks there are; the first that is set.
    pub(super) count: &'static [&'static str],
    /// Engines that this one's tasks only inherit the variables of.
    pub(super) inside: Inside,
    /// What to do when these don't number shards.
    pub(super) advice: &'static str,
}

/// The number of the first task.
#[derive(Clone, Copy, Debug)]
pub(super) enum First {
    /// Always, or by default where the user chooses it and the engine doesn't tell.
    At(u64),
    /// Told in this variable.
    Told(&'static str),
}

/// Engines that another one's tasks only inherit the variables of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Inside {
    /// All.
    Any,
    /// These, by the variable with the number.
    Of(&'static [&'static str]),
}

/// One that tells its number alone, counted from 1, and that is not inside of another.
const PLAIN: Engine = Engine {
    name: "",
    index: "",
    besides: None,
    alone: &[],
    first: First::At(1),
    last: None,
    step: None,
    count: &[],
    inside: Inside::Of(&[]),
    advice: "",
};

/// All that are known. Where two say the same, the first gives its name.
pub(super) const ENGINES: &[Engine] = &[
    // https://slurm.schedmd.com/job_array.html; `--array=1,3,7` has a step of 1 and a count of 3.
    Engine {
        name: "Slurm (array)",
        index: "SLURM_ARRAY_TASK_ID",
        first: First::Told("SLURM_ARRAY_TASK_MIN"),
        last: Some("SLURM_ARRAY_TASK_MAX"),
        step: Some("SLURM_ARRAY_TASK_STEP"),
        count: &["SLURM_ARRAY_TASK_COUNT"],
        advice: "submit with a range such as `--array=1-16`; to run some shards again, write `--shard \
                 $SLURM_ARRAY_TASK_ID/16` and submit with `--array=3,7`",
        ..PLAIN
    },
    // https://slurm.schedmd.com/srun.html#SECTION_OUTPUT-ENVIRONMENT-VARIABLES; a batch script has a SLURM_PROCID of 0
    // and the job's SLURM_NTASKS, but is no task of a step.
    Engine {
        name: "Slurm (srun)",
        index: "SLURM_PROCID",
        besides: Some("SLURM_STEP_NUM_TASKS"),
        first: First::At(0),
        count: &["SLURM_STEP_NUM_TASKS"],
        advice: "write the shard as `--shard 3/16`",
        ..PLAIN
    },
    // https://github.com/It4innovations/hyperqueue/blob/main/docs/jobs/jobs.md, "Environment variables"; its workers
    // run inside jobs of Slurm or PBS, and any of them takes the next task, so what those said about the worker says
    // nothing of the task.
    Engine {
        name: "HyperQueue",
        index: "HQ_TASK_ID",
        inside: Inside::Any,
        advice: "submit with `hq submit --array 1-16` and `--shard auto/16`; for `--array 0-15` add \
                 `--env SAFELIGHT_SHARD_FIRST=0`",
        ..PLAIN
    },
    // https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode
    Engine {
        name: "Kubernetes",
        index: "JOB_COMPLETION_INDEX",
        first: First::At(0),
        advice: "write `--shard auto/16` with the Job's `completions`, or set SAFELIGHT_SHARDS in the container's \
                 `env`",
        ..PLAIN
    },
    // https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html
    Engine {
        name: "AWS Batch (array)",
        index: "AWS_BATCH_JOB_ARRAY_INDEX",
        first: First::At(0),
        count: &["AWS_BATCH_JOB_ARRAY_SIZE"],
        advice: "submit an array job, or write `--shard auto/16` with its size",
        ..PLAIN
    },
    Engine {
        name: "AWS Batch (nodes)",
        index: "AWS_BATCH_JOB_NODE_INDEX",
        first: First::At(0),
        count: &["AWS_BATCH_JOB_NUM_NODES"],
        advice: "submit an array job instead, or write `--shard 3/16`",
        ..PLAIN
    },
    // https://docs.cloud.google.com/batch/docs/reference/rest/v1/projects.locations.jobs, `taskEnvironments`
    Engine {
        name: "Google Batch",
        index: "BATCH_TASK_INDEX",
        first: First::At(0),
        count: &["BATCH_TASK_COUNT"],
        advice: "write `--shard auto/16` with the group's `taskCount`",
        ..PLAIN
    },
    // https://docs.cloud.google.com/run/docs/create-jobs
    Engine {
        name: "Cloud Run",
        index: "CLOUD_RUN_TASK_INDEX",
        first: First::At(0),
        count: &["CLOUD_RUN_TASK_COUNT"],
        advice: "write `--shard auto/16` with the job's `--tasks`",
        ..PLAIN
    },
    // https://docs.it4i.cz/general/job-arrays/; the user chooses the first.
    Engine {
        name: "PBS",
        index: "PBS_ARRAY_INDEX",
        advice: "submit with `qsub -J 1-16` and `--shard auto/16`; for `-J 0-15` add `-v SAFELIGHT_SHARD_FIRST=0`",
        ..PLAIN
    },
    // http://docs.adaptivecomputing.com/torque/4-1-3/Content/topics/2-jobs/multiJobSubmission.htm; the user chooses
    // it here too.
    Engine {
        name: "Torque",
        index: "PBS_ARRAYID",
        advice: "submit with `qsub -t 1-16` and `--shard auto/16`; for `-t 0-15` add `-v SAFELIGHT_SHARD_FIRST=0`",
        ..PLAIN
    },
    // http://manpages.ubuntu.com/manpages/bionic/man1/sge_submit.1.html, option -t; other jobs have "undefined".
    Engine {
        name: "Grid Engine",
        index: "SGE_TASK_ID",
        alone: &["undefined"],
        first: First::Told("SGE_TASK_FIRST"),
        last: Some("SGE_TASK_LAST"),
        step: Some("SGE_TASK_STEPSIZE"),
        advice: "submit with `qsub -t 1-16`; to run some shards again, write `--shard $SGE_TASK_ID/16`",
        ..PLAIN
    },
    // https://www.ibm.com/docs/en/SSWRJV_10.1.0/lsf_config_ref/lsf_envars_ref.html; other jobs have 0. The first isn't
    // told.
    Engine {
        name: "LSF",
        index: "LSB_JOBINDEX",
        alone: &["0"],
        last: Some("LSB_JOBINDEX_END"),
        step: Some("LSB_JOBINDEX_STEP"),
        advice: "submit with `bsub -J \"name[1-16]\"`; for another start, as in `[5-20]`, set \
                 SAFELIGHT_SHARD_FIRST=5; to run some shards again, write `--shard $LSB_JOBINDEX/16`",
        ..PLAIN
    },
    // https://www.gnu.org/software/parallel/man.html, replacement string {#}
    Engine {
        name: "GNU parallel",
        index: "PARALLEL_SEQ",
        advice: "write `parallel safelight run PIPELINE --shard {}/16 ::: $(seq 16)`",
        ..PLAIN
    },
    // https://docs.open-mpi.org/en/v5.0.x/tuning-apps/environment-var.html; `mpirun` starts its daemons by `srun`, and
    // their numbers are inherited.
    Engine {
        name: "Open MPI",
        index: "OMPI_COMM_WORLD_RANK",
        first: First::At(0),
        count: &["OMPI_COMM_WORLD_SIZE"],
        inside: Inside::Of(&["SLURM_PROCID"]),
        advice: "write the shard as `--shard 3/16`",
        ..PLAIN
    },
    // https://github.com/pmodels/mpich/tree/main/src/pm/hydra (MPICH, Intel MPI, MVAPICH), and `srun --mpi=pmi2` of
    // https://slurm.schedmd.com/mpi_guide.html
    Engine {
        name: "MPI (PMI)",
        index: "PMI_RANK",
        first: First::At(0),
        count: &["PMI_SIZE"],
        inside: Inside::Of(&["SLURM_PROCID"]),
        advice: "write the shard as `--shard 3/16`",
        ..PLAIN
    },
    // https://pmix.github.io/standard; the size is told only to those who call PMIx, but those who start processes
    // tell it too.
    Engine {
        name: "MPI (PMIx)",
        index: "PMIX_RANK",
        first: First::At(0),
        count: &["OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"],
        advice: "write `--shard auto/16` with the number of processes",
        ..PLAIN
    },
];

#!/bin/sh
# Runs this package where it lies; again after an interruption, it goes on where it was.
#   AURELAX_PYTHON   Python with ASE and the engine (default: python3)
#   AURELAX_MPIEXEC  MPI launcher (default: mpiexec; srun on clusters that want it)
#   AURELAX_RANKS    number of processes (default: Slurm's tasks, or the processors, a few atoms each at least)
#   AURELAX_POINT    of single points: the one that is calculated (default: an array's element, or all in turn)
set -u
cd "$(dirname "$0")" || exit 8
python="${AURELAX_PYTHON:-python3}"
mpiexec="${AURELAX_MPIEXEC:-mpiexec}"
engine="$("$python" -c 'import json; print(json.load(open("parameters.json"))["engine"])')" || exit 8
if [ -e frames.extxyz ]; then
    program=single_points.py geometry=frames.extxyz
    export AURELAX_POINT="${AURELAX_POINT:-${SLURM_ARRAY_TASK_ID:-}}"
else
    program="${engine}_relax.py" geometry=initial.extxyz
    AURELAX_POINT=
fi
atoms="$(head -n 1 "$geometry")" || exit 8

processors="$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)"
most=$((atoms / 4 + 1))
[ "$processors" -lt "$most" ] && most="$processors"
ranks="${AURELAX_RANKS:-${SLURM_NTASKS:-$most}}"
case "$ranks" in
'' | *[!0-9]* | 0) echo "AURELAX_RANKS is '$ranks', not a number of processes" >&2; exit 8 ;;
esac

mkdir -p result || exit 8
if [ "$engine" = tblite ]; then
    # One process with threads.
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$ranks}"
    set -- "$python" "$program"
else
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
    export AURELAX_RANKS="$ranks"
    set -- "$python" -m gpaw python "$program"
    [ "$ranks" -gt 1 ] && set -- "$mpiexec" -n "$ranks" "$@"
fi

# A signal asks the calculation to end after the step it is in; whoever cannot wait kills the process group. One that
# has a single point to do has no step to end after, and asks nobody else to end.
if [ -n "$AURELAX_POINT" ]; then trap : TERM INT USR1; else trap 'touch result/STOP' TERM INT USR1; fi
"$@" &
child=$!
while :; do
    wait "$child"
    status=$?
    kill -0 "$child" 2>/dev/null || exit "$status"
done

#!/bin/sh
# Runs this package where it lies; again after an interruption, it goes on where it was.
#   AURELAX_PYTHON   Python with ASE and the engine (default: python3)
#   AURELAX_MPIEXEC  MPI launcher (default: mpiexec; srun on clusters that want it)
#   AURELAX_RANKS    number of processes (default: Slurm's tasks, or the processors, a few atoms each at least)
set -u
cd "$(dirname "$0")" || exit 8
python="${AURELAX_PYTHON:-python3}"
mpiexec="${AURELAX_MPIEXEC:-mpiexec}"
engine="$("$python" -c 'import json; print(json.load(open("parameters.json"))["engine"])')" || exit 8
atoms="$(head -n 1 initial.extxyz)" || exit 8

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
    set -- "$python" tblite_relax.py
else
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
    export AURELAX_RANKS="$ranks"
    set -- "$python" -m gpaw python gpaw_relax.py
    [ "$ranks" -gt 1 ] && set -- "$mpiexec" -n "$ranks" "$@"
fi

# A signal asks the calculation to end after the step it is in; whoever cannot wait kills the process group.
trap 'touch result/STOP' TERM INT USR1
"$@" &
child=$!
while :; do
    wait "$child"
    status=$?
    kill -0 "$child" 2>/dev/null || exit "$status"
done

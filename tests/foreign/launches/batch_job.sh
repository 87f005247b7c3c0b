#!/bin/bash
# Made up: a job for a queue, which reads the launch from a here-document.
TP=${TP:-2}
ARGS=(
    --tensor-model-parallel-size ${TP} --pipeline-model-parallel-size 2 --sequence-parallel
    --num-layers 16 --hidden-size 2048 --ffn-hidden-size 8192 --num-attention-heads 16
    --group-query-attention --num-query-groups 4 --swiglu --disable-bias-linear
    --untie-embeddings-and-output-weights --tokenizer-type GPT2BPETokenizer --seq-length 4096
    --micro-batch-size 1 --global-batch-size 64 --bf16 --use-distributed-optimizer
)
if [ "${OFFLOAD:-0}" = 1 ]; then
    ARGS=("${ARGS[@]}" --optimizer-cpu-offload)
fi
COMMAND="cd ${ROOT}; python ${ROOT}/train.py ${ARGS[@]}"
sbatch <<JOB
#!/bin/bash
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=8
srun --mpi=pmix -l bash -c "${COMMAND}" 2>&1 | tee log
JOB

#!/bin/bash
# Made up: arguments of the script choose the model, strings of options are put together and evaluated.
export CUDA_DEVICE_MAX_CONNECTIONS=1
SIZE=${1:-small}
NNODES=${SLURM_NNODES:-"2"}
if [ $SIZE = small ]; then
  LAYERS=8
  moe=" --num-experts 16 --moe-router-topk 2 \
    --moe-ffn-hidden-size 512 --moe-layer-freq '([1]*8)' "
elif [[ $SIZE == dense* ]]; then
  LAYERS=16
  moe=""
else
  echo "unknown size"
  exit 1
fi
MODEL=(
  --num-layers $LAYERS --hidden-size 1024  # width
  --num-attention-heads 16 --seq-length 2048 --swiglu --disable-bias-linear
  --untie-embeddings-and-output-weights --vocab-size 32000 --ffn-hidden-size 4096
)
PARALLEL="--expert-model-parallel-size 8 --use-distributed-optimizer --sequence-parallel"
[ -n "${WANDB_KEY}" ] && MODEL+=(--wandb-project x)
mkdir -p "${OUT}" || { echo "no folder"; exit 1; }
cmd="torchrun --nproc_per_node 8 --nnodes $NNODES train.py ${MODEL[@]} $moe $PARALLEL \
  --micro-batch-size 1 --global-batch-size $(( NNODES * 8 * 4 )) --bf16 --save ${OUT}/ckpt"
eval $cmd

#!/bin/bash
# A made-up launch of 92 arguments in the manner of published ones.
export CUDA_DEVICE_MAX_CONNECTIONS=1
export NCCL_IB_SL=1
export NVTE_FUSED_ATTN=1
export NCCL_NVLS_ENABLE=0
export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True
GPUS_PER_NODE=8
NNODES=64
torchrun --nproc_per_node $GPUS_PER_NODE --nnodes $NNODES --rdzv-backend c10d pretrain_gpt.py \
  --use-mcore-models \
  --transformer-impl transformer_engine \
  --distributed-timeout-minutes 60 \
  --tensor-model-parallel-size 2 \
  --pipeline-model-parallel-size 8 \
  --num-virtual-stages-per-pipeline-rank 4 \
  --context-parallel-size 1 \
  --expert-model-parallel-size 16 \
  --expert-tensor-parallel-size 1 \
  --sequence-parallel \
  --use-distributed-optimizer \
  --overlap-grad-reduce \
  --overlap-param-gather \
  --account-for-embedding-in-pipeline-split \
  --account-for-loss-in-pipeline-split \
  --num-layers 94 \
  --hidden-size 4096 \
  --ffn-hidden-size 12288 \
  --num-attention-heads 64 \
  --group-query-attention \
  --num-query-groups 4 \
  --kv-channels 128 \
  --qk-layernorm \
  --position-embedding-type rope \
  --rotary-base 1000000 \
  --normalization RMSNorm \
  --swiglu \
  --disable-bias-linear \
  --untie-embeddings-and-output-weights \
  --make-vocab-size-divisible-by 1187 \
  --vocab-size 151936 \
  --num-experts 160 \
  --moe-router-topk 6 \
  --moe-ffn-hidden-size 1280 \
  --moe-router-load-balancing-type aux_loss \
  --moe-aux-loss-coeff 1e-3 \
  --moe-router-dtype fp32 \
  --moe-grouped-gemm \
  --moe-token-dispatcher-type flex \
  --moe-enable-deepep \
  --moe-permute-fusion \
  --moe-router-fusion \
  --moe-shared-expert-overlap \
  --overlap-moe-expert-parallel-comm \
  --delay-wgrad-compute \
  --seq-length 4096 \
  --max-position-embeddings 40960 \
  --micro-batch-size 1 \
  --global-batch-size 2048 \
  --train-samples 268554688 \
  --lr 3.0e-4 --min-lr 3.0e-5 --lr-decay-style cosine --lr-warmup-samples 1024000 \
  --weight-decay 0.1 --clip-grad 1.0 --adam-beta1 0.9 --adam-beta2 0.95 \
  --bf16 \
  --fp8-format e4m3 --fp8-recipe blockwise --fp8-param-gather \
  --main-grads-dtype fp32 --exp-avg-dtype bf16 --exp-avg-sq-dtype bf16 --use-precision-aware-optimizer \
  --attention-backend flash \
  --cross-entropy-loss-fusion --cross-entropy-fusion-impl te \
  --recompute-granularity selective \
  --recompute-modules moe_act layernorm \
  --manual-gc --manual-gc-interval 10 \
  --no-create-attention-mask-in-dataloader \
  --tokenizer-type HuggingFaceTokenizer --tokenizer-model Orca \
  --data-path /data/orca --split 99,1,0 --num-workers 6 \
  --save-interval 500 --save /ckpt --load /ckpt --async-save --ckpt-format torch_dist \
  --log-interval 1 --log-throughput --eval-interval 1000 --eval-iters 10 --no-load-optim

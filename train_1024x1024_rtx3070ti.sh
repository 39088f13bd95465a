#!/usr/bin/env bash
# The guide's menu: fine-tune or train from scratch at 1024x1024 on a card with 8 GB.
# Settings can be changed from outside: DATASET_PATH, EPOCHS, IMAGE_SIZE ("1024 1024"), DEVICE, PYTHON.
set -u
cd "$(dirname "$0")" || exit 1

PYTHON="${PYTHON:-python}"
DATASET_PATH="${DATASET_PATH:-Aariz}"
EPOCHS="${EPOCHS:-100}"
IMAGE_SIZE="${IMAGE_SIZE:-1024 1024}"
DEVICE="${DEVICE:-cuda}"
OLD="checkpoints/checkpoint_best.pth"

if [ ! -d "$DATASET_PATH" ]; then
    echo "The data set \"$DATASET_PATH\" is not here. Put it beside this file, or set DATASET_PATH."
    exit 2
fi

choice=2
if [ -f "$OLD" ]; then
    echo "$OLD exists."
    echo "  1  fine-tune it"
    echo "  2  train from scratch"
    read -r -p "1 or 2 [1]: " choice || choice=1
    choice="${choice:-1}"
fi

case "$choice" in
    1) start=(--resume "$OLD"); rate=1e-5; warmup=3; kind="fine-tune $OLD"; hours="8-12" ;;
    2) start=(); rate=5e-4; warmup=5; kind="from scratch"; hours="15-20" ;;
    *) echo "\"$choice\" is neither 1 nor 2."; exit 2 ;;
esac

cat <<TEXT

  Training        $kind
  Data set        $DATASET_PATH
  Network         hrnet at $IMAGE_SIZE, Adaptive Wing loss, mixed precision
  Batch           2 films x 3 passes = effective batch 6
  Learning rate   $rate, warm-up $warmup epochs, $EPOCHS epochs
  Memory          films in RAM: about 1 MB each, one copy for all workers
  Time            the guide expects $hours hours for 100 epochs on an RTX 3070 Ti;
                  a measured estimate for this machine follows before the first step
  Checkpoints     checkpoints_1024x1024     TensorBoard: tensorboard --logdir logs_1024x1024

TEXT

# shellcheck disable=SC2086  # IMAGE_SIZE is two numbers
exec "$PYTHON" train_1024x1024.py "${start[@]+"${start[@]}"}" --dataset_path "$DATASET_PATH" --model hrnet \
    --image_size $IMAGE_SIZE --batch_size 2 --gradient_accumulation_steps 3 --lr "$rate" --warmup_epochs "$warmup" \
    --epochs "$EPOCHS" --loss adaptive_wing --mixed_precision --num_workers 2 --use_ram_cache --device "$DEVICE" \
    --save_dir checkpoints_1024x1024 --log_dir logs_1024x1024

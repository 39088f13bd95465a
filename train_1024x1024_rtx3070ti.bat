@echo off
rem The guide's menu: fine-tune or train from scratch at 1024x1024 on a card with 8 GB.
rem Settings can be changed from outside: set DATASET_PATH, EPOCHS, IMAGE_SIZE (1024 1024), DEVICE or PYTHON first.
setlocal
cd /d "%~dp0"

if not defined PYTHON set "PYTHON=python"
if not defined DATASET_PATH set "DATASET_PATH=Aariz"
if not defined EPOCHS set "EPOCHS=100"
if not defined IMAGE_SIZE set "IMAGE_SIZE=1024 1024"
if not defined DEVICE set "DEVICE=cuda"
set "OLD=checkpoints\checkpoint_best.pth"

if not exist "%DATASET_PATH%\" (
    echo The data set "%DATASET_PATH%" is not here. Put it beside this file, or set DATASET_PATH.
    pause
    exit /b 2
)

set "CHOICE=2"
if not exist "%OLD%" goto chosen
echo %OLD% exists.
echo   1  fine-tune it
echo   2  train from scratch
set "CHOICE=1"
set /p "CHOICE=1 or 2 [1]: "
:chosen
if "%CHOICE%"=="1" goto finetune
if "%CHOICE%"=="2" goto scratch
echo "%CHOICE%" is neither 1 nor 2.
pause
exit /b 2

:finetune
set START=--resume "%OLD%"
set "RATE=1e-5"
set "WARMUP=3"
set "KIND=fine-tune %OLD%"
set "HOURS=8-12"
goto run

:scratch
set "START="
set "RATE=5e-4"
set "WARMUP=5"
set "KIND=from scratch"
set "HOURS=15-20"

:run
echo.
echo   Training        %KIND%
echo   Data set        %DATASET_PATH%
echo   Network         hrnet at %IMAGE_SIZE%, Adaptive Wing loss, mixed precision
echo   Batch           2 films x 3 passes = effective batch 6
echo   Learning rate   %RATE%, warm-up %WARMUP% epochs, %EPOCHS% epochs
echo   Memory          films in RAM: about 1 MB each, one copy for all workers
echo   Time            the guide expects %HOURS% hours for 100 epochs on an RTX 3070 Ti;
echo                   a measured estimate for this machine follows before the first step
echo   Checkpoints     checkpoints_1024x1024     TensorBoard: tensorboard --logdir logs_1024x1024
echo.

"%PYTHON%" train_1024x1024.py %START% --dataset_path "%DATASET_PATH%" --model hrnet ^
    --image_size %IMAGE_SIZE% --batch_size 2 --gradient_accumulation_steps 3 --lr %RATE% --warmup_epochs %WARMUP% ^
    --epochs %EPOCHS% --loss adaptive_wing --mixed_precision --num_workers 2 --use_ram_cache --device %DEVICE% ^
    --save_dir checkpoints_1024x1024 --log_dir logs_1024x1024
set "STATUS=%ERRORLEVEL%"
pause
exit /b %STATUS%

# Builds dist\realtime-ser on Windows (x86-64, Python 3.11 to 3.13). This recipe was not run yet.
$ErrorActionPreference = "Stop"
Set-Location (Join-Path $PSScriptRoot "..")

python -m venv .venv
.venv\Scripts\python -m pip install --require-hashes -r requirements\test.txt
.venv\Scripts\python -m pip install --no-deps --no-build-isolation --editable .
.venv\Scripts\python -m PyInstaller --noconfirm --distpath dist --workpath build\package packaging\realtime-ser.spec

dist\realtime-ser\realtime-ser --version
dist\realtime-ser\realtime-ser doctor
Compress-Archive -Force dist\realtime-ser dist\realtime-ser-windows-x86_64.zip

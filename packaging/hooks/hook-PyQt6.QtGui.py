"""Qt's plugins without those that bring GTK and the reader of PDF along, 25 MB nobody sees."""

from pathlib import Path

from PyInstaller.utils.hooks.qt import add_qt6_dependencies

_LEFT_OUT = ("qgtk3", "qpdf", "qvnc", "qlinuxfb", "qeglfs", "qvkkhrdisplay", "qevdev", "qtuiotouch")

hiddenimports, binaries, datas = add_qt6_dependencies(__file__)
binaries = [
    (source, target)
    for source, target in binaries
    if not any(name in Path(source).name for name in _LEFT_OUT)
]
datas = [(source, target) for source, target in datas if "translations" not in target]

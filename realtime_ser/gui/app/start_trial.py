"""Program that starts Qt and prints the name of its platform; the doctor runs it."""

import pyqtgraph  # noqa: F401 - whether it can be imported is the question
from PyQt6.QtWidgets import QApplication

if __name__ == "__main__":
    print(QApplication([]).platformName())

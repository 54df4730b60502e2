import sys
from pathlib import Path

# Makes `house`, the server that these tests share, importable.
sys.path.insert(0, str(Path(__file__).parent))

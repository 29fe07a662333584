"""How fast and how large: sknn_scratch beside scikit-learn, torch and the bare matrix products."""

"""Speech-preserving facial expression manipulation: backbones, trained with and without STCCL."""

"""Trained models at work: text in, translations and scores out; no torch until an engine runs."""

from regard.registry import Registry

ENGINES = Registry(
    "engine",
    {
        "native": "regard.inference.native_engine:NativeEngine",
        "torch": "regard.inference.torch_engine:TorchEngine",
        "ctranslate2": "regard.inference.ctranslate2_engine:CTranslate2Engine",
        "onnx": "regard.inference.onnx_engine:OnnxEngine",
    },
)

"""Static files under hashed names, the imports between JavaScript modules included."""

from __future__ import annotations

from collections.abc import Iterator

from whitenoise.storage import CompressedManifestStaticFilesStorage

# The browsable schema's files: megabytes that few open, and compressing them would take most of a first start.
LEFT_AS_THEY_ARE = ("drf_spectacular_sidecar/", "rest_framework/")


class ModuleStorage(CompressedManifestStaticFilesStorage):
    """Rewrites `import … from "./live.js"` to the hashed name, so that a module can be cached for ever."""

    support_js_module_import_aggregation = True

    def compress_files(self, paths: set[str]) -> Iterator[tuple[str, str]]:
        ours = {path for path in paths if not path.startswith(LEFT_AS_THEY_ARE) and not path.endswith(".map")}
        yield from super().compress_files(ours)

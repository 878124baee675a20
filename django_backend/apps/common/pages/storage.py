"""Static files under hashed names, the imports between JavaScript modules included."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStorage(CompressedManifestStaticFilesStorage):
    """Rewrites `import … from "./live.js"` to the hashed name, so that a module can be cached for ever."""

    support_js_module_import_aggregation = True

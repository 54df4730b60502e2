// Exports the addon, or the error if it cannot be loaded: there is no binary for this platform, or addons are disabled.
try {
	exports.binding = require('./binding.cjs');
} catch (error) {
	exports.error = error;
}

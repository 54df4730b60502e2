// The addon, or why there is none: no binary fits this machine, or addons are not allowed here.
try {
	exports.binding = require('./binding.cjs');
} catch (error) {
	exports.error = error;
}

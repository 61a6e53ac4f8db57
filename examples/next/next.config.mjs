// @ts-check
/** rediff finds its addon and the files of its processes beside its own: it is not to be bundled. */
export default { serverExternalPackages: ["rediff", "@rediff/torch"] };

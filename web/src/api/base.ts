/**
 * Where the console is mounted, without a trailing slash: "" at a server's root, "/octoporty" under a sub-path. The
 * server makes the document's <base> point there, however deep the page is.
 */
export const basePath: string = new URL(document.baseURI).pathname.replace(/\/[^/]*$/, "");

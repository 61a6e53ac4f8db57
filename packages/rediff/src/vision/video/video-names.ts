/** The one list of endings that name videos: ffmpeg is asked for whatever has one of them. */

const NAME = /(?:^|\.)(?:mp4|mov|mkv|webm|avi|m4v|mpg|mpeg|wmv|flv|ts)$/i;

/** Of a file, or of a field of a tar sample. */
export const isVideoName = (name: string): boolean => NAME.test(name);

/** Where the cloud keeps everything unless told otherwise: database, artifacts, studies, packed data sets. */
export const defaultDataDirectory = '.bespoke';

/** The option that every noun that reads or writes it has. */
export const dataDirectoryOption = [
  '--data-directory <folder>',
  'where the cloud keeps everything',
  defaultDataDirectory,
] as const;

/** Tells zod, which comes in with the shared walk over networks, not to compile its schemas: the page's policy forbids eval. Imported first. */
import { config } from 'zod';

config({ jitless: true });

/** Stands for the code of an app, which runs before its session is created: the largest libraries that are at hand. */

import * as supabase from "@supabase/supabase-js";
import * as oidc from "oidc-client-ts";

Object.assign(globalThis, { app: [supabase, oidc] });

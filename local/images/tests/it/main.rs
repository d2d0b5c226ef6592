//! Recipes as files in, names and images out.

mod engine;
mod recipes;
mod support;

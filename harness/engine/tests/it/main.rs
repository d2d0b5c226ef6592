//! The engine from outside, on a stack in memory that can lie in one place at a time: each check
//! by itself, so that none can go missing behind another.

mod destruction;
mod ending;
mod foreign;
mod foreign_files;
mod inventory;
mod names;
mod points;
mod reading;
mod support;

//! Builds what is missing: each image as soon as those that it stands on are there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt as _, Shared, join_all};
use tokio::sync::Semaphore;

use crate::context::{Context, DOCKERFILE};
use crate::engine::{Broken, Engine};
use crate::error::{Error, Failures};
use crate::finish::{self, Split};
use crate::output::{self, Tail};
use crate::recipe::{BASE, Recipe, Recipes};
use crate::tag::Tag;
use crate::{input, root};

/// Images built at a time. A build waits for the network and for the disk in turns: more of them
/// than cores keep the cores busy, and many more only take memory.
const AT_A_TIME: usize = 4;

/// What is told while images are built.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The recipe.
    pub name: String,
    /// Since the whole build began.
    pub elapsed: Duration,
    /// What began or ended.
    pub step: Step,
}

/// What began or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The image is there, of this recipe: nothing is done.
    Present,
    /// What goes into it from outside its folder is fetched or built.
    Inputs,
    /// A step of the recipe, as `2/7 : RUN …`.
    Running(String),
    /// It is built, in this time.
    Built(Duration),
    /// It is not; the error comes at the end.
    Failed,
}

/// An image that is there.
#[derive(Clone, Debug)]
pub struct Built {
    /// The recipe.
    pub name: String,
    /// Its tags.
    pub tag: Tag,
    /// Whether it was built now; otherwise it was there.
    pub now: bool,
}

/// Builds images of recipes on an engine.
#[derive(Debug)]
pub struct Builder {
    engine: Engine,
    recipes: Recipes,
    at_a_time: usize,
    as_built: bool,
}

type Told<'a> = &'a (dyn Fn(Progress) + Sync);
type Job<'a> = Shared<BoxFuture<'a, Result<Built, Error>>>;

impl Builder {
    /// A builder of these recipes.
    #[must_use]
    pub fn new(engine: Engine, recipes: Recipes) -> Self {
        Self {
            engine,
            recipes,
            at_a_time: AT_A_TIME,
            as_built: false,
        }
    }

    /// Takes programs of the checkout as they were last built: whoever builds all of it has built
    /// them, and another choice of packages would build them again, and otherwise.
    #[must_use]
    pub fn as_built(mut self, as_built: bool) -> Self {
        self.as_built = as_built;
        self
    }

    /// How many images may be built at a time; at least one.
    #[must_use]
    pub fn at_a_time(mut self, images: usize) -> Self {
        self.at_a_time = images.max(1);
        self
    }

    /// Makes the images of `names`, and of what they stand on, be there; of all recipes without
    /// any. What is there with the right content is only pointed at by `current`. `told` gets
    /// every step as it begins.
    ///
    /// # Errors
    ///
    /// [`Failures`]: everything that failed. The rest was built.
    pub async fn build(
        &self,
        names: &[String],
        told: impl Fn(Progress) + Sync,
    ) -> Result<Vec<Built>, Failures> {
        let chosen = self.recipes.chosen(names)?;
        let began = Instant::now();
        let permits = Semaphore::new(self.at_a_time);
        let told: Told<'_> = &told;
        let compiled = self.compile(&chosen, began, told).await;
        let mut jobs: BTreeMap<&str, Job<'_>> = BTreeMap::new();
        for recipe in &chosen {
            let parents: Vec<Job<'_>> = recipe
                .parents
                .iter()
                .filter_map(|parent| jobs.get(parent.as_str()).cloned())
                .collect();
            let one = One {
                builder: self,
                recipe,
                permits: &permits,
                began,
                told,
            };
            let compiled = match &compiled {
                Err(why) if !recipe.inputs.is_empty() => Err(why.clone()),
                _ => Ok(()),
            };
            let job = async move {
                let done = match compiled {
                    Ok(()) => one.make(parents).await,
                    Err(why) => Err(why),
                };
                if done.is_err() {
                    one.tell(Step::Failed);
                }
                done
            };
            jobs.insert(&recipe.name, job.boxed().shared());
        }
        let in_order = chosen
            .iter()
            .filter_map(|recipe| jobs.get(recipe.name.as_str()).cloned());
        let (mut built, mut failed) = (Vec::new(), Vec::new());
        for done in join_all(in_order).await {
            match done {
                Ok(image) => built.push(image),
                Err(why) => failed.push(why),
            }
        }
        if failed.is_empty() {
            Ok(built)
        } else {
            Err(Failures(failed))
        }
    }

    /// Builds the programs that the recipes carry, once for all of them: their tags depend on it.
    async fn compile(
        &self,
        chosen: &[&Recipe],
        began: Instant,
        told: Told<'_>,
    ) -> Result<(), Error> {
        if self.as_built {
            return Ok(());
        }
        let mut carriers = chosen.iter().filter(|recipe| !recipe.inputs.is_empty());
        let Some(first) = carriers.next() else {
            return Ok(());
        };
        told(Progress {
            name: first.name.clone(),
            elapsed: began.elapsed(),
            step: Step::Inputs,
        });
        let program = first.inputs.join(", ");
        input::compile(&self.recipes, &first.name, &program).await
    }
}

/// One image of a build.
struct One<'a> {
    builder: &'a Builder,
    recipe: &'a Recipe,
    permits: &'a Semaphore,
    began: Instant,
    told: Told<'a>,
}

impl One<'_> {
    fn tell(&self, step: Step) {
        (self.told)(Progress {
            name: self.recipe.name.clone(),
            elapsed: self.began.elapsed(),
            step,
        });
    }

    async fn make(&self, parents: Vec<Job<'_>>) -> Result<Built, Error> {
        let (builder, recipe) = (self.builder, self.recipe);
        let tag = builder.recipes.tag_of(&recipe.name)?;
        let mut built = Built {
            name: recipe.name.clone(),
            tag,
            now: false,
        };
        let content = built.tag.content();
        if builder.engine.size(&content).await?.is_some() {
            self.tell(Step::Present);
        } else {
            let took = self.build_it(&content, parents).await?;
            built.now = true;
            self.tell(Step::Built(took));
        }
        let current = built.tag.current();
        builder.engine.point(&content, &current).await?;
        Ok(built)
    }

    /// Builds it, and says how long that took without the waiting for others.
    async fn build_it(&self, content: &str, parents: Vec<Job<'_>>) -> Result<Duration, Error> {
        let recipe = self.recipe;
        let is_fetching = recipe.folder.join(input::WHEELS).is_file();
        if is_fetching {
            self.tell(Step::Inputs);
        }
        let began = Instant::now();
        let context = Context::prepare(&self.builder.recipes, recipe).await?;
        let prepared = began.elapsed();
        let mut tags = BTreeMap::new();
        for (parent, name) in join_all(parents).await.into_iter().zip(&recipe.parents) {
            let parent = parent.map_err(|_told| Error::Parent {
                name: recipe.name.clone(),
                parent: name.clone(),
            })?;
            tags.insert(parent.name, parent.tag);
        }
        // Nobody closes it: an answer without a permit cannot come.
        let _permit = self.permits.acquire().await.ok();
        let began = Instant::now();
        let done = if recipe.name == BASE {
            self.root(content).await?
        } else {
            self.steps(content, context, &tags).await?
        };
        done.map_err(|broken| self.failed(broken))?;
        Ok(prepared + began.elapsed())
    }

    /// Builds what changes files, and says the rest of what that made.
    async fn steps(
        &self,
        content: &str,
        context: Context,
        tags: &BTreeMap<String, Tag>,
    ) -> Result<Result<(), Broken>, Error> {
        let engine = &self.builder.engine;
        let Split { built, said } = finish::split(&self.recipe.resolved(tags));
        let is_silent = said.is_empty();
        let say = |from: String| async move {
            self.tell(Step::Running(said.join(", ")));
            engine.say(content, &from, &said).await
        };
        if let (Some(parent), false) = (finish::only_from(&built), is_silent) {
            return Ok(say(parent.to_owned()).await);
        }
        let context = context.stream(self.recipe, &built)?;
        let tell = |step: &str| self.tell(Step::Running(step.to_owned()));
        if is_silent {
            return Ok(engine.build(content, DOCKERFILE, context, tell).await);
        }
        // Half of the recipe must not stand under the name of all of it, whatever ends this.
        let half = format!("{content}-half");
        if let Err(broken) = engine.build(&half, DOCKERFILE, context, tell).await {
            return Ok(Err(broken));
        }
        let done = say(half.clone()).await;
        engine.untag(&half).await?;
        Ok(done)
    }

    async fn root(&self, content: &str) -> Result<Result<(), Broken>, Error> {
        let sources = root::sources(self.recipe)?;
        let step = sources.step();
        self.tell(Step::Running(step.clone()));
        let tail = Arc::new(Mutex::new(Tail::default()));
        let made = output::streamed(&mut sources.command(), Arc::clone(&tail));
        let made = made.map_err(|_why| Error::NoProgram {
            name: self.recipe.name.clone(),
            program: "mmdebstrap".to_owned(),
            package: "mmdebstrap".to_owned(),
        })?;
        let lines = self.recipe.dockerfile.lines();
        let changes = lines
            .filter(|line| line.starts_with("CMD "))
            .map(str::to_owned);
        let engine = &self.builder.engine;
        Ok(engine
            .import(content, made, changes.collect(), &step, &tail)
            .await)
    }

    fn failed(&self, broken: Broken) -> Error {
        let is_network = broken.tail.says(&[
            "Temporary failure resolving",
            "Could not resolve",
            "Could not connect",
            "Unable to connect",
            "Failed to fetch",
            "Network is unreachable",
        ]);
        let help = if is_network {
            "; the package mirror could not be reached from there: look at the network and at \
             http_proxy, which builds are given"
        } else {
            ""
        };
        Error::Step {
            name: self.recipe.name.clone(),
            step: broken.step,
            why: broken.why,
            help: help.to_owned(),
            output: broken.tail.text(),
        }
    }
}

//! Images of the drill's own: a gate's, and that of the helpers that read and fill volumes. They say
//! nothing of the stack, so that either kind does beside either set of the stack's images.

use phoenix_engine::environment::DriverError;

use crate::engine::Engine;

/// An image, where a registry can be reached and where none can.
struct Either {
    what: &'static str,
    upstream: &'static str,
    recipe: &'static str,
}

/// It has a shell and `socat`.
const GATE: Either = Either {
    what: "opens ports of the host to the stack",
    upstream: "alpine/socat:1.8.0.3",
    recipe: "socat",
};
/// It has GNU's tar.
const HELPER: Either = Either {
    what: "reads and fills volumes",
    upstream: "debian:bookworm-slim",
    recipe: "helper",
};

/// The chosen ones.
pub(crate) struct Own {
    pub(crate) gate: String,
    pub(crate) helper: String,
}

impl Own {
    /// Takes what is there, and fetches what is not.
    ///
    /// # Errors
    /// When one is neither here nor to be had, with what to do.
    pub(crate) async fn have(
        engine: &Engine,
        says: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, DriverError> {
        Ok(Self {
            gate: GATE.have(engine, says).await?,
            helper: HELPER.have(engine, says).await?,
        })
    }
}

impl Either {
    async fn have(
        &self,
        engine: &Engine,
        says: &(dyn Fn(&str) + Sync),
    ) -> Result<String, DriverError> {
        let made = format!("phoenix.local/{}:current", self.recipe);
        for image in [self.upstream, &made] {
            if engine.image(image).await?.is_some() {
                return Ok(image.to_owned());
            }
        }
        says(&format!("pulling {}, which {}", self.upstream, self.what));
        let Err(why) = engine.pull(self.upstream).await else {
            return Ok(self.upstream.to_owned());
        };
        Err(DriverError::new(
            format!("have the image {}", self.upstream),
            format!(
                "the drill's own, which {}, is not on this engine and could not be pulled: {}; \
                 `phoenix images build {}` makes one",
                self.what, why.why, self.recipe
            ),
        ))
    }
}

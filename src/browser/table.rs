//! A few things by name, in the order of their names: a tenth of a tree map's code for the same work.

/// Things by name. Names that rise are added at the end; few are ever there at once.
pub(super) struct Table<Name, Thing> {
    rows: Vec<(Name, Thing)>,
}

impl<Name, Thing> Default for Table<Name, Thing> {
    fn default() -> Self {
        Self { rows: Vec::new() }
    }
}

impl<Name: Copy + Ord, Thing> Table<Name, Thing> {
    /// Adds a thing in place of any other of that name.
    pub(super) fn insert(&mut self, name: Name, thing: Thing) {
        match self.place(name) {
            Ok(at) => {
                if let Some(row) = self.rows.get_mut(at) {
                    row.1 = thing;
                }
            }
            Err(at) => self.rows.insert(at, (name, thing)),
        }
    }

    /// Takes a thing out.
    pub(super) fn remove(&mut self, name: Name) -> Option<Thing> {
        let at = self.place(name).ok()?;
        Some(self.rows.remove(at).1)
    }

    /// Finds a thing.
    pub(super) fn get_mut(&mut self, name: Name) -> Option<&mut Thing> {
        let at = self.place(name).ok()?;
        self.rows.get_mut(at).map(|(_, thing)| thing)
    }

    /// Whether there is a thing of that name.
    pub(super) fn has(&self, name: Name) -> bool {
        self.place(name).is_ok()
    }

    fn place(&self, name: Name) -> Result<usize, usize> {
        self.rows.binary_search_by_key(&name, |(name, _)| *name)
    }
}
